package dev.nexrootfs.oracle;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Writes tar archives header by header, also such as no program would write. */
public final class Tar {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /** The archive with its end mark. */
  public byte[] bytes() {
    byte[] entries = out.toByteArray();
    return Arrays.copyOf(entries, entries.length + 1024);
  }

  /** The archive without an end mark. */
  public byte[] unfinished() {
    return out.toByteArray();
  }

  /** Adds a directory, 0755. */
  public Tar directory(String name) {
    return add(header(name, '5', 0755, 0, 0, 0, ""), new byte[0]);
  }

  /** Adds a file, 0644. */
  public Tar file(String name, String content) {
    return file(name, content.getBytes(StandardCharsets.UTF_8));
  }

  /** Adds a file, 0644. */
  public Tar file(String name, byte[] content) {
    return add(header(name, '0', 0644, 0, 0, content.length, ""), content);
  }

  /** Adds a program, 0755. */
  public Tar program(String name, byte[] content) {
    return add(header(name, '0', 0755, 0, 0, content.length, ""), content);
  }

  /** Adds a symbolic link. */
  public Tar link(String name, String target) {
    return add(header(name, '2', 0777, 0, 0, 0, target), new byte[0]);
  }

  /** Adds a hard link. */
  public Tar hardLink(String name, String target) {
    return add(header(name, '1', 0600, 7, 7, 0, target), new byte[0]);
  }

  /** Adds an entry of any type. */
  public Tar entry(String name, char type, int mode, long uid, long gid, String link) {
    return add(header(name, type, mode, uid, gid, 0, link), new byte[0]);
  }

  /** Adds a PAX header whose records are {@code keysAndValues}, values one byte for a character. */
  public Tar pax(char type, String... keysAndValues) {
    ByteArrayOutputStream records = new ByteArrayOutputStream();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      byte[] rest =
          (" " + keysAndValues[i] + "=" + keysAndValues[i + 1] + "\n")
              .getBytes(StandardCharsets.ISO_8859_1);
      int length = rest.length + 1;
      while (Integer.toString(length).length() + rest.length != length) {
        length = Integer.toString(length).length() + rest.length;
      }
      records.writeBytes(Integer.toString(length).getBytes(StandardCharsets.US_ASCII));
      records.writeBytes(rest);
    }
    byte[] content = records.toByteArray();
    return add(header("pax", type, 0644, 0, 0, content.length, ""), content);
  }

  /** Adds GNU's header for a long name ('L') or link ('K'). */
  public Tar gnuLong(char type, String name) {
    byte[] content = (name + "\0").getBytes(StandardCharsets.ISO_8859_1);
    return add(header("././@LongLink", type, 0644, 0, 0, content.length, ""), content);
  }

  /** Adds bytes as they are. */
  public Tar raw(byte[] bytes) {
    out.writeBytes(bytes);
    return this;
  }

  /** A header with its checksum. */
  public static byte[] header(
      String name, char type, int mode, long uid, long gid, long size, String link) {
    byte[] block = new byte[512];
    text(block, 0, 100, name);
    text(block, 100, 8, String.format("%07o", mode));
    number(block, 108, 8, uid);
    number(block, 116, 8, gid);
    number(block, 124, 12, size);
    text(block, 136, 12, String.format("%011o", 1_700_000_000L));
    block[156] = (byte) type;
    text(block, 157, 100, link);
    text(block, 257, 8, "ustar\00000");
    text(block, 329, 8, "0000001");
    text(block, 337, 8, "0000003");
    return withChecksum(block);
  }

  /** Sets the checksum of a header. */
  public static byte[] withChecksum(byte[] block) {
    text(block, 148, 8, "        ");
    int sum = 0;
    for (byte b : block) {
      sum += b & 0xFF;
    }
    text(block, 148, 8, String.format("%06o\0 ", sum));
    return block;
  }

  private Tar add(byte[] header, byte[] content) {
    try {
      out.write(header);
      out.write(content);
      out.write(new byte[-content.length & 511]);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return this;
  }

  private static void text(byte[] block, int at, int length, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    Arrays.fill(block, at, at + length, (byte) 0);
    System.arraycopy(bytes, 0, block, at, Math.min(length, bytes.length));
  }

  /** Octal, or base-256 where that is too short. */
  private static void number(byte[] block, int at, int length, long value) {
    String octal = Long.toOctalString(value);
    if (octal.length() < length) {
      text(block, at, length, "0".repeat(length - 1 - octal.length()) + octal);
      return;
    }
    for (int i = 0; i < length; i++) {
      int shift = 8 * (length - 1 - i);
      block[at + i] = shift >= 64 ? 0 : (byte) (value >>> shift);
    }
    block[at] |= (byte) 0x80;
  }
}
