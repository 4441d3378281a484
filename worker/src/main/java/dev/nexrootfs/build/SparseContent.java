package dev.nexrootfs.build;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** The content of a file from its beginning on, with blocks of zeros as holes. */
final class SparseContent {
  private static final int BLOCK = 4096;

  private final FileChannel channel;
  private long position;

  /** Writes to {@code channel}, an empty file. */
  SparseContent(FileChannel channel) {
    this.channel = channel;
  }

  void write(byte[] bytes, int offset, int length) throws IOException {
    int end = offset + length;
    int runStart = offset;
    int at = offset;
    while (at < end) {
      long filePosition = position + (at - offset);
      int piece = Math.min((int) (BLOCK - filePosition % BLOCK), end - at);
      if (isZero(bytes, at, piece)) {
        writeAt(bytes, runStart, at, position + (runStart - offset));
        runStart = at + piece;
      }
      at += piece;
    }
    writeAt(bytes, runStart, end, position + (runStart - offset));
    position += length;
  }

  /** Gives the file its length, where it ends in a hole. */
  void end() throws IOException {
    if (channel.size() < position) {
      channel.write(ByteBuffer.allocate(1), position - 1);
    }
  }

  private void writeAt(byte[] bytes, int from, int to, long filePosition) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes, from, to - from);
    long at = filePosition;
    while (buffer.hasRemaining()) {
      at += channel.write(buffer, at);
    }
  }

  private static boolean isZero(byte[] bytes, int from, int length) {
    for (int i = from; i < from + length; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }
}
