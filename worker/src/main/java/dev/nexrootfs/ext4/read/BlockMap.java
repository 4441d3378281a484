package dev.nexrootfs.ext4.read;

import java.io.IOException;

/**
 * Which blocks of the image hold the blocks of one file. Every pointer is checked, and no block of
 * the map is entered twice, whatever the image says.
 */
sealed interface BlockMap permits ExtentMap, IndirectMap {
  /** A file has fewer blocks than this. */
  long MAX_LOGICAL_BLOCKS = 0xFFFF_FFFFL;

  /**
   * A run of blocks of the file.
   *
   * @param logical the first, counted in the file
   * @param count how many, at least 1
   * @param physical the first, counted in the image; 0 for a hole
   * @param unwritten whether the blocks are given but read as zeros
   */
  record Run(long logical, long count, long physical, boolean unwritten) {
    long end() {
      return logical + count;
    }

    boolean hasData() {
      return physical != 0 && !unwritten;
    }
  }

  /** What a walk over a whole map meets, in the order of the file. */
  interface Visitor {
    /**
     * A block of the map itself.
     *
     * @return whether to go into it
     */
    boolean mapBlock(long block) throws IOException;

    /** A run of blocks, no hole. */
    void run(Run run) throws IOException;
  }

  /** Shows all of the map to {@code visitor}. */
  void walk(Visitor visitor) throws IOException;

  /** The run that starts at {@code logical}, or the hole up to what comes next as far as known. */
  Run runAt(long logical) throws IOException;

  /** The map of {@code inode}, which is one that has blocks. */
  static BlockMap of(Volume volume, StoredInode inode) throws UnreadableImageException {
    if (inode.has(StoredInode.INLINE_DATA_FL)) {
      throw new UnreadableImageException(
          inode.where(), "has inline data, which is not read", "", "");
    }
    if (inode.has(StoredInode.ENCRYPT_FL) || inode.has(StoredInode.COMPR_FL)) {
      throw new UnreadableImageException(
          inode.where(), "is encrypted or compressed, which is not read", "", "");
    }
    return inode.has(StoredInode.EXTENTS_FL)
        ? new ExtentMap(volume, inode)
        : new IndirectMap(volume, inode);
  }
}
