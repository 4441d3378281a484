package dev.nexrootfs.ext4.ondisk;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;

/**
 * The hash that orders the names of an indexed directory: half_md4 over signed characters, what
 * {@code s_def_hash_version} 1 with the signed flag of {@code s_flags} means (directory.rst).
 */
public final class DirectoryHash {
  /** {@code s_def_hash_version} and {@code hash_version} of an index: half_md4. */
  public static final int HALF_MD4 = 1;

  /** What no name may hash to, for it marks the end of a listing; the even number below is used. */
  private static final int END = 0xFFFF_FFFE;

  private static final int BYTES_PER_ROUND = 32;
  private static final int K2 = 0x5A82_7999;
  private static final int K3 = 0x6ED9_EBA1;

  private final int[] seed = new int[4];

  /** The hash of a file system whose {@code s_hash_seed} is {@code seed}. */
  public DirectoryHash(UUID seed) {
    ByteBuffer.wrap(Superblock.bytesOf(seed))
        .order(ByteOrder.LITTLE_ENDIAN)
        .asIntBuffer()
        .get(this.seed);
  }

  /** The hash of {@code name}: an unsigned, even number of 32 bits. */
  public int of(byte[] name) {
    int[] state = seed.clone();
    int[] words = new int[BYTES_PER_ROUND / 4];
    for (int at = 0; at < name.length; at += BYTES_PER_ROUND) {
      words(name, at, words);
      transform(state, words);
    }
    int hash = state[1] & ~1;
    return hash == END ? END - 2 : hash;
  }

  /** The next bytes of {@code name} as eight numbers, padded with the length that is left. */
  private static void words(byte[] name, int from, int[] words) {
    int left = name.length - from;
    int pad = left | left << 8;
    pad |= pad << 16;
    int length = Math.min(left, BYTES_PER_ROUND);
    java.util.Arrays.fill(words, pad);
    int word = pad;
    for (int i = 0; i < length; i++) {
      // Sign extension of a byte beyond ASCII is what makes the hash a signed one.
      word = name[from + i] + (word << 8);
      words[i / 4] = word;
      if (i % 4 == 3) {
        word = pad;
      }
    }
  }

  private static void transform(int[] state, int[] in) {
    int a = state[0];
    int b = state[1];
    int c = state[2];
    int d = state[3];
    for (int i = 0; i < 8; i += 4) {
      a = Integer.rotateLeft(a + choose(b, c, d) + in[i], 3);
      d = Integer.rotateLeft(d + choose(a, b, c) + in[i + 1], 7);
      c = Integer.rotateLeft(c + choose(d, a, b) + in[i + 2], 11);
      b = Integer.rotateLeft(b + choose(c, d, a) + in[i + 3], 19);
    }
    for (int i = 1; i >= 0; i--) {
      a = Integer.rotateLeft(a + majority(b, c, d) + in[i] + K2, 3);
      d = Integer.rotateLeft(d + majority(a, b, c) + in[i + 2] + K2, 5);
      c = Integer.rotateLeft(c + majority(d, a, b) + in[i + 4] + K2, 9);
      b = Integer.rotateLeft(b + majority(c, d, a) + in[i + 6] + K2, 13);
    }
    for (int i = 3; i >= 1; i -= 2) {
      a = Integer.rotateLeft(a + (b ^ c ^ d) + in[i] + K3, 3);
      d = Integer.rotateLeft(d + (a ^ b ^ c) + in[i + 4] + K3, 9);
      c = Integer.rotateLeft(c + (d ^ a ^ b) + in[i - 1] + K3, 11);
      b = Integer.rotateLeft(b + (c ^ d ^ a) + in[i + 3] + K3, 15);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
  }

  private static int choose(int x, int y, int z) {
    return z ^ (x & (y ^ z));
  }

  private static int majority(int x, int y, int z) {
    return (x & y) + ((x ^ y) & z);
  }
}
