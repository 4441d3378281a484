package dev.nexrootfs.ext4.read;

/**
 * The hashes that order the names of an indexed directory, over signed or unsigned characters
 * (directory.rst; fs/ext4/hash.c has the rules).
 */
final class NameHash {
  static final int LEGACY = 0;
  static final int HALF_MD4 = 1;
  static final int TEA = 2;

  /** What marks the end of a listing, and is the hash of no name. */
  private static final int END = 0xFFFF_FFFE;

  private static final int TEA_DELTA = 0x9E37_79B9;
  private static final int[] DEFAULT_SEED = {0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476};

  private final int version;
  private final boolean isSigned;
  private final int[] seed;

  private NameHash(int version, boolean isSigned, int[] seed) {
    this.version = version;
    this.isSigned = isSigned;
    this.seed = seed;
  }

  /**
   * The hash of a directory whose index says {@code version}.
   *
   * @throws UnreadableImageException for one that is not known
   */
  static NameHash of(StoredSuperblock superblock, int version, String where)
      throws UnreadableImageException {
    if (version > TEA) {
      throw new UnreadableImageException(
          where, "hash_version", version, "0 legacy, 1 half_md4 or 2 tea");
    }
    boolean isSigned = (superblock.flags() & StoredSuperblock.FLAG_UNSIGNED_HASH) == 0;
    int[] seed = superblock.hashSeed();
    boolean isSeeded = (seed[0] | seed[1] | seed[2] | seed[3]) != 0;
    return new NameHash(version, isSigned, isSeeded ? seed : DEFAULT_SEED);
  }

  /** The hash of {@code name}: 32 bits, unsigned, even. */
  int of(byte[] name) {
    int hash =
        switch (version) {
          case LEGACY -> legacy(name);
          case HALF_MD4 -> halfMd4(name);
          default -> tea(name);
        };
    int even = hash & ~1;
    return even == END ? END - 2 : even;
  }

  private int character(byte b) {
    return isSigned ? b : b & 0xFF;
  }

  private int legacy(byte[] name) {
    int before = 0x37AB_E8F9;
    int hash = 0x12A3_FE2D;
    for (byte b : name) {
      int next = before + (hash ^ character(b) * 7_152_373);
      if (next < 0) {
        next -= 0x7FFF_FFFF;
      }
      before = hash;
      hash = next;
    }
    return hash << 1;
  }

  private int halfMd4(byte[] name) {
    int[] state = seed.clone();
    for (int at = 0; at < name.length; at += 32) {
      halfMd4Round(state, pack(name, at, 8));
    }
    return state[1];
  }

  private int tea(byte[] name) {
    int[] state = seed.clone();
    for (int at = 0; at < name.length; at += 16) {
      int[] in = pack(name, at, 4);
      int x = state[0];
      int y = state[1];
      int sum = 0;
      for (int round = 0; round < 16; round++) {
        sum += TEA_DELTA;
        x += (y << 4) + in[0] ^ y + sum ^ (y >>> 5) + in[1];
        y += (x << 4) + in[2] ^ x + sum ^ (x >>> 5) + in[3];
      }
      state[0] += x;
      state[1] += y;
    }
    return state[0];
  }

  /**
   * The next characters of {@code name} as {@code count} words, the rest filled with its length.
   */
  private int[] pack(byte[] name, int from, int count) {
    int left = name.length - from;
    int filler = (left & 0xFF) * 0x0101_0101;
    int[] words = new int[count];
    for (int w = 0; w < count; w++) {
      int word = filler;
      for (int i = from + 4 * w; i < Math.min(name.length, from + 4 * w + 4); i++) {
        word = character(name[i]) + (word << 8);
      }
      words[w] = word;
    }
    return words;
  }

  /** The three rounds of half of MD4's transformation: amounts, then the words in their order. */
  private static final int[][] SHIFTS = {{3, 7, 11, 19}, {3, 5, 9, 13}, {3, 9, 11, 15}};

  private static final int[][] ORDER = {
    {0, 1, 2, 3, 4, 5, 6, 7}, {1, 3, 5, 7, 0, 2, 4, 6}, {3, 7, 2, 6, 1, 5, 0, 4}
  };

  private static final int[] CONSTANTS = {0, 0x5A82_7999, 0x6ED9_EBA1};

  private static void halfMd4Round(int[] state, int[] in) {
    int[] v = state.clone();
    for (int round = 0; round < 3; round++) {
      for (int step = 0; step < 8; step++) {
        int a = -step & 3;
        int x = v[a + 1 & 3];
        int y = v[a + 2 & 3];
        int z = v[a + 3 & 3];
        int mixed =
            switch (round) {
              case 0 -> (x & y) | (~x & z);
              case 1 -> (x & y) | (x & z) | (y & z);
              default -> x ^ y ^ z;
            };
        int sum = v[a] + mixed + in[ORDER[round][step]] + CONSTANTS[round];
        v[a] = Integer.rotateLeft(sum, SHIFTS[round][step & 3]);
      }
    }
    for (int i = 0; i < 4; i++) {
      state[i] += v[i];
    }
  }
}
