package dev.nexrootfs.ext4.ondisk;

/**
 * {@code struct ext4_group_desc}, 64 bytes: where one block group keeps its bitmaps and inode table
 * (group_descr.rst).
 *
 * @param blockBitmap {@code bg_block_bitmap}, a block number
 * @param inodeBitmap {@code bg_inode_bitmap}, a block number
 * @param inodeTable {@code bg_inode_table}, the first block
 * @param freeBlocks {@code bg_free_blocks_count}
 * @param freeInodes {@code bg_free_inodes_count}
 * @param usedDirectories {@code bg_used_dirs_count}
 * @param flags {@code bg_flags}
 * @param blockBitmapChecksum {@code bg_block_bitmap_csum}
 * @param inodeBitmapChecksum {@code bg_inode_bitmap_csum}
 * @param unusedInodes {@code bg_itable_unused}: inodes after the last used one
 */
public record GroupDescriptor(
    long blockBitmap,
    long inodeBitmap,
    long inodeTable,
    int freeBlocks,
    int freeInodes,
    int usedDirectories,
    int flags,
    int blockBitmapChecksum,
    int inodeBitmapChecksum,
    int unusedInodes) {
  /** Bytes of the structure with the 64bit feature. */
  public static final int BYTES = 64;

  /**
   * The only flag that we set. INODE_UNINIT would spare a bitmap, but whoever starts from a backup
   * superblock ignores it and then misses the bitmap. This one says that the inode table is zero
   * where unused, so that the kernel need not zero it at the first boot.
   */
  public static final int INODE_ZEROED = 0x4;

  /**
   * Encodes entry {@code group} of the table; the checksum covers all the rest, so it goes in last.
   */
  public byte[] encode(int group, Checksums checksums) {
    Struct s =
        Struct.littleEndian(BYTES)
            .split64(0x00, 0x20, blockBitmap) //             bg_block_bitmap
            .split64(0x04, 0x24, inodeBitmap) //             bg_inode_bitmap
            .split64(0x08, 0x28, inodeTable) //              bg_inode_table
            .split32(0x0C, 0x2C, freeBlocks) //              bg_free_blocks_count
            .split32(0x0E, 0x2E, freeInodes) //              bg_free_inodes_count
            .split32(0x10, 0x30, usedDirectories) //         bg_used_dirs_count
            .u16(0x12, flags) //                             bg_flags
            .splitBits32(0x18, 0x38, blockBitmapChecksum) // bg_block_bitmap_csum
            .splitBits32(0x1A, 0x3A, inodeBitmapChecksum) // bg_inode_bitmap_csum
            .split32(0x1C, 0x32, unusedInodes); //           bg_itable_unused
    return s.u16(0x1E, checksums.groupDescriptor(group, s.array())).array(); // bg_checksum
  }
}
