package dev.nexrootfs.ext4.read;

/** The crc32c of ext4: reflected polynomial 0x1EDC6F41, seedable, without a final inversion. */
final class Crc32c {
  private static final int POLYNOMIAL = 0x82F6_3B78;
  private static final int[] TABLE = new int[256];

  static {
    for (int i = 0; i < TABLE.length; i++) {
      int value = i;
      for (int bit = 0; bit < 8; bit++) {
        value = (value & 1) == 0 ? value >>> 1 : value >>> 1 ^ POLYNOMIAL;
      }
      TABLE[i] = value;
    }
  }

  private Crc32c() {}

  /** Goes on from {@code seed} over the bytes from {@code from} to before {@code to}. */
  static int of(int seed, byte[] bytes, int from, int to) {
    int crc = seed;
    for (int i = from; i < to; i++) {
      crc = TABLE[(crc ^ bytes[i]) & 0xFF] ^ crc >>> 8;
    }
    return crc;
  }

  /** Goes on over the 4 bytes of a little-endian number. */
  static int ofLe32(int seed, int number) {
    int crc = seed ^ number;
    for (int i = 0; i < 4; i++) {
      crc = TABLE[crc & 0xFF] ^ crc >>> 8;
    }
    return crc;
  }

  /** Goes on over {@code count} zero bytes. */
  static int ofZeros(int seed, int count) {
    int crc = seed;
    for (int i = 0; i < count; i++) {
      crc = TABLE[crc & 0xFF] ^ crc >>> 8;
    }
    return crc;
  }
}
