package dev.nexrootfs.ext4.ondisk;

import java.util.Set;

/** Bits of {@code s_feature_compat} that we set (super.rst). */
public enum CompatFeature {
  /** The file system has an internal journal. */
  COMPAT_HAS_JOURNAL(0x4),
  /** Inodes can hold extended attributes. */
  COMPAT_EXT_ATTR(0x8),
  /** Inode 7 reserves blocks for more group descriptors. */
  COMPAT_RESIZE_INODE(0x10),
  /** Directories can be indexed. */
  COMPAT_DIR_INDEX(0x20);

  private final int bit;

  CompatFeature(int bit) {
    this.bit = bit;
  }

  /** The value of the word with {@code features} set. */
  static int mask(Set<CompatFeature> features) {
    return features.stream().mapToInt(feature -> feature.bit).reduce(0, (a, b) -> a | b);
  }
}
