package dev.nexrootfs.ext4.ondisk;

import java.util.List;

/**
 * A block of extended attributes, of one inode: {@code struct ext4_xattr_header} and its entries
 * (attributes.rst).
 */
public final class XattrBlock {
  private static final int HEADER_BYTES = 32;

  /** Bytes for entries and values. */
  public static final int CAPACITY = XattrEntry.capacity(Superblock.BLOCK_SIZE, HEADER_BYTES);

  private XattrBlock() {}

  /**
   * Encodes {@code entries}, which are in {@link XattrEntry#KERNEL_ORDER} and fit {@link
   * #CAPACITY}.
   *
   * @param block where the block stands in the image, which its checksum covers
   */
  public static byte[] encode(List<XattrEntry> entries, long block, Checksums checksums) {
    Struct s =
        Struct.littleEndian(Superblock.BLOCK_SIZE)
            .bits32(0x00, XattrEntry.MAGIC) //          h_magic
            .u32(0x04, 1) //                            h_refcount
            .u32(0x08, 1); //                           h_blocks
    s.bits32(0x0C, XattrEntry.put(s.array(), HEADER_BYTES, 0, entries, true)); // h_hash
    return s.bits32(0x10, checksums.ofXattrBlock(block, s.array())).array(); //   h_checksum
  }
}
