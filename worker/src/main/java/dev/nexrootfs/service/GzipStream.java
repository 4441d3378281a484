package dev.nexrootfs.service;

import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.Deflater;
import java.util.zip.DeflaterInputStream;

/** The bytes of another stream as one gzip member (RFC 1952), without a name and a time. */
final class GzipStream extends FilterInputStream {
  private static final byte[] HEADER = {0x1f, (byte) 0x8b, 8, 0, 0, 0, 0, 0, 0, (byte) 0xff};
  private static final int LEVEL = 6;

  private final CRC32 crc = new CRC32();
  private final Deflater deflater;
  private final InputStream deflated;
  private Part part = Part.HEADER;

  private enum Part {
    HEADER,
    DATA,
    TRAILER
  }

  GzipStream(InputStream plain) {
    super(new ByteArrayInputStream(HEADER));
    this.deflater = new Deflater(LEVEL, true);
    this.deflated = new DeflaterInputStream(new CheckedInputStream(plain, crc), deflater);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    while (true) {
      int got = in.read(target, offset, length);
      if (got >= 0 || part == Part.TRAILER) {
        return got;
      }
      if (part == Part.HEADER) {
        part = Part.DATA;
        in = deflated;
      } else {
        part = Part.TRAILER;
        ByteBuffer trailer = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        trailer.putInt((int) crc.getValue()).putInt((int) deflater.getBytesRead());
        in = new ByteArrayInputStream(trailer.array());
      }
    }
  }

  @Override
  public void close() throws IOException {
    deflated.close();
    deflater.end();
  }
}
