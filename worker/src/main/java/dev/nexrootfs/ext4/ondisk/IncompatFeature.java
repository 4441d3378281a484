package dev.nexrootfs.ext4.ondisk;

import java.util.Set;

/** Bits of {@code s_feature_incompat} that we set (super.rst). */
public enum IncompatFeature {
  /** Directory entries hold the file type. */
  INCOMPAT_FILETYPE(0x2),
  /** Files are mapped by extents. */
  INCOMPAT_EXTENTS(0x40),
  /** Block numbers have 64 bits, group descriptors 64 bytes. */
  INCOMPAT_64BIT(0x80),
  /** A group's bitmaps and inode table may lie in another group. */
  INCOMPAT_FLEX_BG(0x200),
  /** The checksum seed stands in the superblock, so the UUID can differ without new checksums. */
  INCOMPAT_CSUM_SEED(0x2000);

  private final int bit;

  IncompatFeature(int bit) {
    this.bit = bit;
  }

  /** The value of the word with {@code features} set. */
  static int mask(Set<IncompatFeature> features) {
    return features.stream().mapToInt(feature -> feature.bit).reduce(0, (a, b) -> a | b);
  }
}
