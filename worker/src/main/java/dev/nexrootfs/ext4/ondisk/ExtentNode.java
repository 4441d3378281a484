package dev.nexrootfs.ext4.ondisk;

import java.util.List;

/**
 * One node of an extent tree: {@code struct ext4_extent_header} with its entries, and in a block of
 * its own {@code struct ext4_extent_tail} (ifork.rst).
 */
public final class ExtentNode {
  /** Entries of the root, which stands in {@code i_block}. */
  public static final int ROOT_CAPACITY = 4;

  /** Entries of a node that has a block. */
  public static final int BLOCK_CAPACITY = (Superblock.BLOCK_SIZE - 12) / 12;

  private static final int MAGIC = 0xF30A;
  private static final int TAIL = 12 + 12 * BLOCK_CAPACITY;

  private ExtentNode() {}

  /**
   * {@code struct ext4_extent_idx}, 12 bytes: a child of an inner node.
   *
   * @param logicalBlock {@code ei_block}: the first block of the file that the child maps
   * @param childBlock {@code ei_leaf}: where the child stands in the image
   */
  public record Index(long logicalBlock, long childBlock) {}

  /** The root as {@code i_block}, with extents: a tree of depth 0. */
  public static byte[] rootOfExtents(List<Extent> extents) {
    return extents(Struct.littleEndian(Inode.I_BLOCK_BYTES), ROOT_CAPACITY, extents).array();
  }

  /** The root as {@code i_block}, with children of {@code depth - 1}. */
  public static byte[] rootOfIndexes(int depth, List<Index> children) {
    return indexes(Struct.littleEndian(Inode.I_BLOCK_BYTES), ROOT_CAPACITY, depth, children)
        .array();
  }

  /** A leaf in a block of its own. */
  public static byte[] leaf(long ino, List<Extent> extents, Checksums checksums) {
    return sealed(
        ino,
        extents(Struct.littleEndian(Superblock.BLOCK_SIZE), BLOCK_CAPACITY, extents),
        checksums);
  }

  /** An inner node in a block of its own. */
  public static byte[] inner(long ino, int depth, List<Index> children, Checksums checksums) {
    return sealed(
        ino,
        indexes(Struct.littleEndian(Superblock.BLOCK_SIZE), BLOCK_CAPACITY, depth, children),
        checksums);
  }

  private static byte[] sealed(long ino, Struct node, Checksums checksums) {
    return node.bits32(TAIL, checksums.ofInode(ino, node.array(), TAIL)).array(); // et_checksum
  }

  private static Struct extents(Struct node, int capacity, List<Extent> extents) {
    header(node, extents.size(), capacity, 0);
    int at = 12;
    for (Extent extent : extents) {
      node.u32(at, extent.logicalBlock()) //                    ee_block
          .u16(at + 4, extent.length()) //                      ee_len
          .split48(at + 8, at + 6, extent.physicalBlock()); //  ee_start
      at += 12;
    }
    return node;
  }

  private static Struct indexes(Struct node, int capacity, int depth, List<Index> children) {
    header(node, children.size(), capacity, depth);
    int at = 12;
    for (Index child : children) {
      node.u32(at, child.logicalBlock()) //                     ei_block
          .split48(at + 4, at + 8, child.childBlock()); //      ei_leaf
      at += 12;
    }
    return node;
  }

  private static void header(Struct node, int entries, int capacity, int depth) {
    if (entries > capacity) {
      throw new IllegalArgumentException(entries + " entries in a node of " + capacity);
    }
    node.u16(0, MAGIC) //        eh_magic
        .u16(2, entries) //      eh_entries
        .u16(4, capacity) //     eh_max
        .u16(6, depth); //       eh_depth
  }
}
