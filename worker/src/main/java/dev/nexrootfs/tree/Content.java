package dev.nexrootfs.tree;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The bytes of a regular file, wherever they are. Can be read any number of times, by any thread.
 */
public interface Content {
  /** Bytes. */
  long size();

  /**
   * Fills {@code target}'s remaining bytes from {@code position}.
   *
   * @throws IOException where the bytes cannot be read; never a short read
   */
  void read(long position, ByteBuffer target) throws IOException;

  /**
   * The ranges that hold data, ascending and apart; what lies between them is a hole and reads as
   * zeros. A range may hold zeros.
   */
  default List<DataRange> dataRanges() {
    return size() == 0 ? List.of() : List.of(new DataRange(0, size()));
  }

  /**
   * A run of data.
   *
   * @param position first byte
   * @param length bytes, at least 1
   */
  record DataRange(long position, long length) {}
}
