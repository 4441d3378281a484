package dev.nexrootfs.layer;

import dev.nexrootfs.tar.DataSegments;
import dev.nexrootfs.tree.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.AbstractList;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;

/**
 * Content with holes that is a part of a file: its data stands there without the holes.
 *
 * @param channel the file, open as long as the content is used
 * @param offset where the data starts, bytes
 * @param size how long the content is with its holes, bytes
 * @param segments what of the content the data is
 */
public record SparseSlice(FileChannel channel, long offset, long size, DataSegments segments)
    implements Content {
  private static final byte[] ZEROS = new byte[4096];

  @Override
  public void read(long position, ByteBuffer target) throws IOException {
    Objects.checkFromIndexSize(position, target.remaining(), size);
    int limit = target.limit();
    long end = position + target.remaining();
    long at = position;
    for (int i = segments.at(position); at < end; i++) {
      boolean none = i == segments.count();
      long dataStart = none ? end : Math.min(end, Math.max(at, segments.position(i)));
      fillWithZeros(target, dataStart - at);
      long dataEnd = none ? end : Math.min(end, segments.position(i) + segments.length(i));
      if (dataEnd > dataStart) {
        long stored = segments.stored(i) + dataStart - segments.position(i);
        target.limit(target.position() + (int) (dataEnd - dataStart));
        new FileSlice(channel, offset + stored, target.remaining()).read(0, target);
        target.limit(limit);
      }
      at = Math.max(dataStart, dataEnd);
    }
  }

  private static void fillWithZeros(ByteBuffer target, long count) {
    for (long left = count; left > 0; left -= ZEROS.length) {
      target.put(ZEROS, 0, (int) Math.min(left, ZEROS.length));
    }
  }

  /** The segments; a view, since each takes more room as an object than as numbers. */
  @Override
  public List<DataRange> dataRanges() {
    return new Ranges(segments);
  }

  private static final class Ranges extends AbstractList<DataRange> implements RandomAccess {
    private final DataSegments segments;

    Ranges(DataSegments segments) {
      this.segments = segments;
    }

    @Override
    public DataRange get(int index) {
      return new DataRange(segments.position(index), segments.length(index));
    }

    @Override
    public int size() {
      return segments.count();
    }
  }
}
