package dev.nexrootfs.ext4.ondisk;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A fixed-size on-disk structure, zero where nothing was put. Offsets are those of the kernel's
 * tables. A value that does not fit its field is a bug in the layout and throws; it is never
 * truncated.
 */
final class Struct {
  private final byte[] bytes;
  private final ByteBuffer buffer;

  private Struct(int size, ByteOrder order) {
    bytes = new byte[size];
    buffer = ByteBuffer.wrap(bytes).order(order);
  }

  /** A zeroed little-endian structure of {@code size} bytes: ext4's own. */
  static Struct littleEndian(int size) {
    return new Struct(size, ByteOrder.LITTLE_ENDIAN);
  }

  /** A zeroed big-endian structure of {@code size} bytes: the journal's. */
  static Struct bigEndian(int size) {
    return new Struct(size, ByteOrder.BIG_ENDIAN);
  }

  Struct u8(int offset, int value) {
    check(offset, value, 0xFFL);
    buffer.put(offset, (byte) value);
    return this;
  }

  Struct u16(int offset, int value) {
    check(offset, value, 0xFFFFL);
    buffer.putShort(offset, (short) value);
    return this;
  }

  Struct u32(int offset, long value) {
    check(offset, value, 0xFFFF_FFFFL);
    buffer.putInt(offset, (int) value);
    return this;
  }

  /** Puts the 32 bits of {@code value}, whatever its sign. */
  Struct bits32(int offset, int value) {
    buffer.putInt(offset, value);
    return this;
  }

  /** A 48-bit number: the low 32 bits at {@code lo}, the high 16 at {@code hi}. */
  Struct split48(int lo, int hi, long value) {
    check(lo, value, 0xFFFF_FFFF_FFFFL);
    return bits32(lo, (int) value).u16(hi, (int) (value >>> 32));
  }

  /** A 64-bit number in two halves. */
  Struct split64(int lo, int hi, long value) {
    check(lo, value, Long.MAX_VALUE);
    return bits32(lo, (int) value).bits32(hi, (int) (value >>> 32));
  }

  /** A 32-bit number in two halves of 16. */
  Struct split32(int lo, int hi, long value) {
    check(lo, value, 0xFFFF_FFFFL);
    return u16(lo, (int) (value & 0xFFFF)).u16(hi, (int) (value >>> 16));
  }

  /** The 32 bits of {@code value} in two halves of 16, whatever its sign. */
  Struct splitBits32(int lo, int hi, int value) {
    return u16(lo, value & 0xFFFF).u16(hi, value >>> 16);
  }

  Struct bytes(int offset, byte[] value) {
    buffer.put(offset, value);
    return this;
  }

  byte[] array() {
    return bytes;
  }

  private static void check(int offset, long value, long max) {
    if (value < 0 || value > max) {
      throw new IllegalArgumentException(
          value + " does not fit the field at 0x" + Integer.toHexString(offset) + ", 0 to " + max);
    }
  }
}
