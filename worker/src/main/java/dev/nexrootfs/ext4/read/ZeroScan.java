package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Looks for bytes that are not zero, with a buffer of its own. */
final class ZeroScan {
  private static final int BUFFER_BYTES = 1 << 20;
  private static final byte[] ZEROS = new byte[BUFFER_BYTES];

  private final ImageSource source;
  private final byte[] buffer = new byte[BUFFER_BYTES];

  ZeroScan(ImageSource source) {
    this.source = source;
  }

  /** The offset of the first byte in {@code from} to before {@code to} that is not zero; -1. */
  long find(long from, long to) throws IOException {
    long at = source.nextData(from);
    while (at < to) {
      int length = (int) Math.min(buffer.length, to - at);
      source.read(at, ByteBuffer.wrap(buffer, 0, length));
      int index = firstNonZero(buffer, 0, length);
      if (index >= 0) {
        return at + index;
      }
      at = source.nextData(at + length);
    }
    return -1;
  }

  /**
   * The index of the first byte from {@code from} to before {@code to}, at most a MiB, that is not
   * zero; -1.
   */
  static int firstNonZero(byte[] bytes, int from, int to) {
    int index = Arrays.mismatch(bytes, from, to, ZEROS, 0, to - from);
    return index < 0 ? -1 : from + index;
  }
}
