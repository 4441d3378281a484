package dev.nexrootfs.ext4.ondisk;

/**
 * {@code struct ext4_extent}, 12 bytes: a run of blocks of one file (ifork.rst).
 *
 * @param logicalBlock {@code ee_block}: the run's first block, counted in the file
 * @param length {@code ee_len}: blocks, 1 to {@link #MAX_LENGTH}
 * @param physicalBlock {@code ee_start}: the run's first block, counted in the image
 */
public record Extent(long logicalBlock, int length, long physicalBlock) {
  /** The longest initialized extent; a larger {@code ee_len} would mean unwritten. */
  public static final int MAX_LENGTH = 32_768;

  /** Checks the length. */
  public Extent {
    if (length < 1 || length > MAX_LENGTH) {
      throw new IllegalArgumentException("ee_len " + length + " is not from 1 to " + MAX_LENGTH);
    }
  }
}
