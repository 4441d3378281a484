package dev.nexrootfs.ext4;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/** An image from front to back. A read gives all that was asked for, except at the end. */
final class Ext4ImageStream extends InputStream {
  private final Ext4Image image;
  private long position;

  Ext4ImageStream(Ext4Image image) {
    this.image = image;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    int count = (int) Math.min(length, image.size() - position);
    if (count <= 0) {
      return -1;
    }
    image.read(position, ByteBuffer.wrap(bytes, offset, count));
    position += count;
    return count;
  }
}
