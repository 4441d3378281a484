package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.nio.ByteBuffer;

/** The bytes of an image, wherever they are. Can be read by any thread. */
public interface ImageSource {
  /** Bytes of the image. */
  long size();

  /**
   * Fills {@code target}'s remaining bytes from {@code offset}.
   *
   * @throws IOException where the bytes cannot be read; never a short read
   */
  void read(long offset, ByteBuffer target) throws IOException;

  /**
   * The first byte at or after {@code offset} that may be other than zero; {@link #size} where
   * there is none. Who does not know the holes says {@code offset}.
   */
  default long nextData(long offset) {
    return offset;
  }
}
