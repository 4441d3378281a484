package dev.nexrootfs.tar;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The 512 bytes of one header: {@code struct posix_header} of GNU tar, which also reads v7 and
 * ustar (tar.h).
 *
 * @param block the bytes
 * @param offset where they stand in the archive
 */
record TarHeader(byte[] block, long offset) {
  static final int BYTES = 512;

  char typeflag() {
    return (char) (block[156] & 0xFF); //             char typeflag
  }

  byte[] linkname() {
    return text(157, 100); //                         char linkname[100]
  }

  long mode() throws TarException {
    return number("mode", 100, 8); //                 char mode[8]
  }

  long uid() throws TarException {
    return number("uid", 108, 8); //                  char uid[8]
  }

  long gid() throws TarException {
    return number("gid", 116, 8); //                  char gid[8]
  }

  long size() throws TarException {
    return number("size", 124, 12); //                char size[12]
  }

  long mtime() throws TarException {
    return number("mtime", 136, 12); //               char mtime[12]
  }

  long devmajor() throws TarException {
    return number("devmajor", 329, 8); //             char devmajor[8]
  }

  long devminor() throws TarException {
    return number("devminor", 337, 8); //             char devminor[8]
  }

  /** Bytes of a file with holes, of old GNU format. */
  long realsize() throws TarException {
    return number("realsize", 483, 12); //            char realsize[12]
  }

  /** The name, with the prefix that POSIX ustar splits off. */
  byte[] name() {
    byte[] name = text(0, 100); //                    char name[100]
    boolean posix = Arrays.equals(block, 257, 263, USTAR, 0, 6);
    // star has times after a shorter prefix (struct star_header of GNU tar).
    boolean star = posix && Arrays.equals(block, 508, 512, STAR, 0, 4);
    byte[] prefix = posix ? text(345, star ? 131 : 155) : new byte[0]; // char prefix[155]
    if (prefix.length == 0) {
      return name;
    }
    byte[] whole = Arrays.copyOf(prefix, prefix.length + 1 + name.length);
    whole[prefix.length] = '/';
    System.arraycopy(name, 0, whole, prefix.length + 1, name.length);
    return whole;
  }

  boolean isZero() {
    return Arrays.equals(block, ZEROS);
  }

  /** Whether this can be a header: bytes whose checksum is right. */
  boolean isValid() {
    try {
      checkChecksum();
      return true;
    } catch (TarException e) {
      return false; // what is no header has no checksum; who asks wants to know no more
    }
  }

  /**
   * Compares {@code chksum}: the sum of all bytes with the field itself as spaces, unsigned or, in
   * old archives, signed.
   */
  void checkChecksum() throws TarException {
    long stored = number("chksum", 148, 8); //        char chksum[8]
    long unsigned = CHKSUM_AS_SPACES + sum(0, BYTES) - sum(148, 156);
    if (stored == unsigned) {
      return;
    }
    long signed = CHKSUM_AS_SPACES;
    for (int i = 0; i < BYTES; i++) {
      signed += i >= 148 && i < 156 ? 0 : block[i];
    }
    if (stored != signed) {
      throw new TarException(
          offset, "header checksum " + stored + " where the bytes sum up to " + unsigned);
    }
  }

  /** The sum of bytes as unsigned, eight at a time: half of a scan of an archive is this sum. */
  private long sum(int from, int to) {
    ByteBuffer bytes = ByteBuffer.wrap(block);
    long lanes = 0;
    for (int i = from; i < to; i += Long.BYTES) {
      long eight = bytes.getLong(i);
      lanes += (eight & EVERY_SECOND_BYTE) + (eight >>> 8 & EVERY_SECOND_BYTE);
    }
    // Four lanes of 16 bits; 64 times twice 255 does not overflow one.
    return (lanes & 0xFFFF) + (lanes >>> 16 & 0xFFFF) + (lanes >>> 32 & 0xFFFF) + (lanes >>> 48);
  }

  private static final long EVERY_SECOND_BYTE = 0x00FF_00FF_00FF_00FFL;
  private static final long CHKSUM_AS_SPACES = 8 * ' ';
  private static final byte[] ZEROS = new byte[BYTES];
  private static final byte[] USTAR = {'u', 's', 't', 'a', 'r', 0};
  private static final byte[] STAR = {'t', 'a', 'r', 0};

  private byte[] text(int from, int length) {
    int end = from;
    while (end < from + length && block[end] != 0) {
      end++;
    }
    return Arrays.copyOfRange(block, from, end);
  }

  /**
   * Octal digits between spaces and NULs, or base-256 where the first bit is set, as GNU tar writes
   * large numbers.
   */
  long number(String field, int from, int length) throws TarException {
    if ((block[from] & 0x80) != 0) {
      return base256(field, from, length);
    }
    int at = from;
    int end = from + length;
    while (at < end && (block[at] == ' ' || block[at] == 0)) {
      at++;
    }
    long value = 0;
    while (at < end && block[at] != ' ' && block[at] != 0) {
      int digit = block[at] - '0';
      if (digit < 0 || digit > 7) {
        throw new TarException(offset, "the field " + field + " is not octal");
      }
      value = value << 3 | digit;
      at++;
    }
    return value;
  }

  private long base256(String field, int from, int length) throws TarException {
    boolean negative = (block[from] & 0x40) != 0;
    long value = negative ? -1 : 0;
    for (int i = from; i < from + length; i++) {
      int b = block[i] & 0xFF;
      if (i == from) {
        b = negative ? b | 0x80 : b & 0x7F;
      }
      boolean overflow = value > Long.MAX_VALUE >> 8 || value < Long.MIN_VALUE >> 8;
      if (overflow) {
        throw new TarException(offset, "the field " + field + " has more than 64 bits");
      }
      value = value << 8 | b;
    }
    return value;
  }
}
