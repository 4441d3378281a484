package dev.nexrootfs.ext4.read;

import dev.nexrootfs.tree.Content;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The content of a regular file of an image. Holds no list of blocks: where the bytes are is looked
 * up when they are read.
 */
final class StoredContent implements Content {
  private static final byte[] ZEROS = new byte[1 << 13];

  private final Volume volume;
  private final BlockMap map;
  private final long size;

  /** The content of {@code inode}. */
  StoredContent(Volume volume, StoredInode inode) throws UnreadableImageException {
    this.volume = volume;
    this.map = BlockMap.of(volume, inode);
    this.size = inode.size();
    long most = BlockMap.MAX_LOGICAL_BLOCKS * volume.blockSize();
    if (size < 0 || size > most) {
      throw new UnreadableImageException(
          inode.where(), "i_size", Long.toUnsignedString(size), "at most " + most);
    }
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public void read(long position, ByteBuffer target) throws IOException {
    java.util.Objects.checkFromIndexSize(position, target.remaining(), size);
    int blockSize = volume.blockSize();
    long at = position;
    while (target.hasRemaining()) {
      BlockMap.Run run = map.runAt(at / blockSize);
      long skipped = at % blockSize;
      int length = (int) Math.min(target.remaining(), run.count() * blockSize - skipped);
      if (run.hasData()) {
        int limit = target.limit();
        target.limit(target.position() + length);
        volume.read(run.physical() * blockSize + skipped, target);
        target.limit(limit);
      } else {
        zero(target, length);
      }
      at += length;
    }
  }

  /**
   * The ranges that hold data.
   *
   * @throws UncheckedIOException where the block map cannot be read
   */
  @Override
  public List<DataRange> dataRanges() {
    Ranges ranges = new Ranges();
    try {
      map.walk(ranges);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return ranges.list();
  }

  /** Joins runs that touch, and cuts at the end of the file. */
  private final class Ranges implements BlockMap.Visitor {
    private final List<DataRange> done = new ArrayList<>();
    private long start;
    private long end;

    @Override
    public boolean mapBlock(long block) {
      return true;
    }

    @Override
    public void run(BlockMap.Run run) {
      if (!run.hasData()) {
        return;
      }
      long from = Math.min(size, run.logical() * volume.blockSize());
      long to = Math.min(size, run.end() * volume.blockSize());
      if (from != end) {
        close();
        start = from;
      }
      end = to;
    }

    List<DataRange> list() {
      close();
      return List.copyOf(done);
    }

    private void close() {
      if (end > start) {
        done.add(new DataRange(start, end - start));
      }
      start = end;
    }
  }

  private static void zero(ByteBuffer target, int count) {
    int left = count;
    while (left > 0) {
      int length = Math.min(left, ZEROS.length);
      target.put(ZEROS, 0, length);
      left -= length;
    }
  }
}
