package dev.nexrootfs.ext4.ondisk;

import java.util.Set;

/** Bits of {@code s_feature_ro_compat} that we set (super.rst). */
public enum RoCompatFeature {
  /** Superblock backups stand in groups 1 and powers of 3, 5 and 7 only. */
  RO_COMPAT_SPARSE_SUPER(0x1),
  /** A file may be larger than 2 GiB. */
  RO_COMPAT_LARGE_FILE(0x2),
  /** {@code i_blocks} has 48 bits. */
  RO_COMPAT_HUGE_FILE(0x8),
  /** A directory may have more than 65,000 subdirectories. */
  RO_COMPAT_DIR_NLINK(0x20),
  /** Inodes are larger than 128 bytes. */
  RO_COMPAT_EXTRA_ISIZE(0x40),
  /** All metadata has checksums. */
  RO_COMPAT_METADATA_CSUM(0x400);

  private final int bit;

  RoCompatFeature(int bit) {
    this.bit = bit;
  }

  /** The value of the word with {@code features} set. */
  static int mask(Set<RoCompatFeature> features) {
    return features.stream().mapToInt(feature -> feature.bit).reduce(0, (a, b) -> a | b);
  }
}
