package dev.nexrootfs.tree;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Content in memory: for small files that we write ourselves. */
public final class ByteContent implements Content {
  private final byte[] bytes;

  /** Content of {@code bytes}. */
  public ByteContent(byte[] bytes) {
    this.bytes = bytes.clone();
  }

  /** Content of the UTF-8 bytes of {@code text}. */
  public static ByteContent of(String text) {
    return new ByteContent(text.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public long size() {
    return bytes.length;
  }

  @Override
  public void read(long position, ByteBuffer target) {
    target.put(bytes, Math.toIntExact(position), target.remaining());
  }
}
