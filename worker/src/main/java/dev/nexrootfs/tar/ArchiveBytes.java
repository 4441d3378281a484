package dev.nexrootfs.tar;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** The bytes of an archive in a file, read front to back through a window; content is skipped. */
final class ArchiveBytes {
  private static final int WINDOW_BYTES = 1 << 15;

  private final FileChannel channel;
  private final long end;
  private final ByteBuffer window = ByteBuffer.allocate(WINDOW_BYTES).limit(0);
  private long windowOffset;
  private long position;

  ArchiveBytes(FileChannel channel) throws IOException {
    this.channel = channel;
    this.end = channel.size();
  }

  /** Where the next byte stands. */
  long position() {
    return position;
  }

  /** Bytes from here to the end. */
  long left() {
    return end - position;
  }

  /** The header that stands here. */
  TarHeader readHeader() throws IOException {
    TarHeader header = new TarHeader(new byte[TarHeader.BYTES], position);
    if (left() < TarHeader.BYTES) {
      throw new TarException(position, "cut off in a header, " + left() + " bytes before the end");
    }
    read(header.block());
    return header;
  }

  /** What would be a header {@code ahead} bytes from here; zeros where the archive has ended. */
  TarHeader peekHeader(long ahead) throws IOException {
    long here = position;
    if (left() < ahead) {
      return new TarHeader(new byte[TarHeader.BYTES], here);
    }
    position = here + ahead;
    TarHeader header = new TarHeader(new byte[TarHeader.BYTES], position);
    if (left() >= TarHeader.BYTES) {
      read(header.block());
    }
    position = here;
    return header;
  }

  /** The next {@code size} bytes, and what fills them up to a block is skipped. */
  byte[] readContent(TarHeader header, int size) throws IOException {
    if (left() < size) {
      throw cutOff(header, size);
    }
    byte[] content = new byte[size];
    read(content);
    position = Math.min(end, position + (-size & TarHeader.BYTES - 1));
    return content;
  }

  /** Skips content of {@code size} bytes, and what fills it up to a block. */
  void skip(TarHeader header, long size) throws TarException {
    if (size < 0 || left() < size) {
      throw cutOff(header, size);
    }
    position = Math.min(end, position + size + (-size & TarHeader.BYTES - 1));
  }

  /**
   * Skips the rest of a block that begins {@code bytes} before here, and tells how much that is.
   */
  long skipToBlock(long bytes) {
    long rest = -bytes & TarHeader.BYTES - 1;
    position = Math.min(end, position + rest);
    return rest;
  }

  /** The next byte, as 0 to 255. */
  int readByte() throws IOException {
    int ahead = fill();
    position++;
    return window.get(ahead) & 0xFF;
  }

  private void read(byte[] target) throws IOException {
    int done = 0;
    while (done < target.length) {
      int ahead = fill();
      int length = Math.min(target.length - done, window.limit() - ahead);
      window.get(ahead, target, done, length);
      done += length;
      position += length;
    }
  }

  /** Makes the window hold the next byte, and tells where in it that is. */
  private int fill() throws IOException {
    long ahead = position - windowOffset;
    if (ahead >= 0 && ahead < window.limit()) {
      return (int) ahead;
    }
    windowOffset = position;
    window.clear();
    int count = channel.read(window, position);
    window.limit(Math.max(0, count));
    if (count <= 0) {
      throw new TarException(position, "the file became shorter while it was read");
    }
    return 0;
  }

  private TarException cutOff(TarHeader header, long size) {
    return new TarException(
        header.offset(),
        "an entry of "
            + size
            + " bytes where the archive has "
            + left()
            + " left; it is cut off or lies");
  }
}
