package dev.nexrootfs.layer;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** A file of the cache that is being written; it has no name before it is whole. */
final class CachePart implements Closeable {
  /**
   * A document's size is believed before its bytes are read, so it has to be right after a loss of
   * power, too. What is larger is read and hashed before it is believed, and fetched again where it
   * is not right: to wait for the disk would only cost time.
   */
  private static final long SYNCED_BYTES = 8 << 20;

  private final CacheDirectory directory;
  private final Path file;
  private final FileChannel channel;
  private final Path target;
  private final long stepBytes;
  private long reserved;

  CachePart(CacheDirectory directory, Path file, FileChannel channel, Path target, long stepBytes)
      throws IOException {
    this.directory = directory;
    this.file = file;
    this.channel = channel;
    this.target = target;
    this.stepBytes = stepBytes;
    this.reserved = channel.size();
  }

  FileChannel channel() {
    return channel;
  }

  /** Asks for room up to {@code size}; a step beyond what is there is counted anyway. */
  private void reserve(long size) throws IOException {
    if (size > reserved) {
      long step = channel.size() + stepBytes;
      directory.makeRoom(Math.max(0, size - step));
      reserved = Math.max(size, step);
    }
  }

  /** Writes bytes at {@code at}, where the file ends so far. */
  void append(long at, byte[] bytes, int offset, int length) throws IOException {
    reserve(at + length);
    ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, length);
    for (long position = at; buffer.hasRemaining(); ) {
      position += channel.write(buffer, position);
    }
  }

  /** Gives the file its name: from now on it is whole. */
  void commit() throws IOException {
    if (channel.size() <= SYNCED_BYTES) {
      channel.force(true);
    }
    Files.createDirectories(target.getParent());
    Files.move(file, target, StandardCopyOption.ATOMIC_MOVE);
    CacheDirectory.touch(target);
  }

  /** What is there is of no use. */
  void discard() throws IOException {
    Files.deleteIfExists(file);
  }

  @Override
  public void close() throws IOException {
    channel.close();
    if (Files.exists(file) && Files.size(file) == 0) {
      Files.delete(file);
    }
  }
}
