package dev.nexrootfs.ext4.read;

import java.util.Arrays;

/**
 * The bytes of one little-endian structure. Offsets are those of the kernel's tables; numbers are
 * unsigned.
 *
 * @param bytes holds the structure; not to be changed
 * @param start where the structure starts in them
 */
record Fields(byte[] bytes, int start) {
  Fields(byte[] bytes) {
    this(bytes, 0);
  }

  int u8(int offset) {
    return bytes[start + offset] & 0xFF;
  }

  int u16(int offset) {
    return u8(offset) | u8(offset + 1) << 8;
  }

  /** The 32 bits at {@code offset}, whatever their sign. */
  int bits32(int offset) {
    return u16(offset) | u16(offset + 2) << 16;
  }

  long u32(int offset) {
    return bits32(offset) & 0xFFFF_FFFFL;
  }

  /** A 32-bit number in two halves of 16. */
  int split32(int lo, int hi) {
    return u16(lo) | u16(hi) << 16;
  }

  /** A 48-bit number: the low 32 bits at {@code lo}, the high 16 at {@code hi}. */
  long split48(int lo, int hi) {
    return u32(lo) | (long) u16(hi) << 32;
  }

  /** A 64-bit number in two halves; a negative one is past every limit of ext4. */
  long split64(int lo, int hi) {
    return u32(lo) | u32(hi) << 32;
  }

  byte[] slice(int offset, int length) {
    return Arrays.copyOfRange(bytes, start + offset, start + offset + length);
  }
}
