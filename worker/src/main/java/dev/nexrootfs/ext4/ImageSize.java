package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.Superblock;

/** How large an image is to be. */
public sealed interface ImageSize {
  /**
   * The largest image, bytes: as many groups of 8192 inodes as inode numbers of 32 bits reach, just
   * under 64 TiB.
   */
  long MAX_BYTES = ((1L << 19) - 1) * Superblock.BLOCKS_PER_GROUP * Superblock.BLOCK_SIZE;

  /**
   * An image of a given size.
   *
   * @param bytes of the whole image, 1 to {@link #MAX_BYTES}
   */
  record Whole(long bytes) implements ImageSize {
    /** Checks the range. */
    public Whole {
      check(bytes, 1);
    }
  }

  /**
   * The smallest image that holds the content, with its journal, and leaves room; made to be grown
   * where it runs.
   *
   * @param freeBytes what is left over at least, 0 to {@link #MAX_BYTES}
   */
  record Free(long freeBytes) implements ImageSize {
    /** Checks the range. */
    public Free {
      check(freeBytes, 0);
    }
  }

  private static void check(long bytes, long min) {
    if (bytes < min || bytes > MAX_BYTES) {
      throw new IllegalArgumentException(
          "size " + bytes + " is not from " + min + " to " + MAX_BYTES);
    }
  }
}
