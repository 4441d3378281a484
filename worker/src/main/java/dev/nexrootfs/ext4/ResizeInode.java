package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.Inode;
import dev.nexrootfs.ext4.ondisk.Superblock;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The file of inode 7, which owns the blocks behind the group descriptors, so that a running kernel
 * can make descriptors of them when the file system grows (fs/ext4/resize.c).
 *
 * <p>It is mapped by blocks, not by extents: the double indirect block points to each reserved
 * block behind the primary descriptors, and that block lists its copies behind the backups.
 *
 * @param geometry where the reserved blocks are
 * @param doubleIndirectBlock the block that {@code i_block[13]} points to
 */
record ResizeInode(Geometry geometry, long doubleIndirectBlock) {
  private static final int POINTERS = Superblock.BLOCK_SIZE / 4;
  private static final int DOUBLE_INDIRECT = 13;
  private static final int DIRECT = 12;

  /** Whether a file system of {@code geometry} has one. */
  static boolean isIn(Geometry geometry) {
    return geometry.reservedDescriptorBlocks() > 0;
  }

  /** {@code i_size}: as far as the double indirect block reaches. */
  long size() {
    return ((long) POINTERS * POINTERS + POINTERS + DIRECT) * Superblock.BLOCK_SIZE;
  }

  /** All blocks of the file: the double indirect one and each copy of each reserved one. */
  long blocks() {
    int copies = geometry.groupsWithSuperblock().length;
    return 1 + (long) geometry.reservedDescriptorBlocks() * copies;
  }

  /** {@code i_block}. */
  byte[] iBlock() {
    byte[] block = Inode.emptyBlock();
    littleEndian(block).putInt(4 * DOUBLE_INDIRECT, (int) doubleIndirectBlock);
    return block;
  }

  /** The double indirect block: the reserved blocks, each in the place of its descriptors. */
  byte[] doubleIndirect() {
    byte[] block = new byte[Superblock.BLOCK_SIZE];
    ByteBuffer pointers = littleEndian(block);
    int descriptors = geometry.descriptorBlocks();
    for (int i = 0; i < geometry.reservedDescriptorBlocks(); i++) {
      int place = (descriptors + i) % POINTERS;
      pointers.putInt(4 * place, 1 + descriptors + i);
    }
    return block;
  }

  /** Reserved block {@code index} behind the primary descriptors: its copies in other groups. */
  byte[] reserved(long index) {
    byte[] block = new byte[Superblock.BLOCK_SIZE];
    ByteBuffer pointers = littleEndian(block);
    for (int group : geometry.groupsWithSuperblock()) {
      if (group > 0) {
        long copy = Geometry.firstBlock(group) + 1 + geometry.descriptorBlocks() + index;
        pointers.putInt((int) copy);
      }
    }
    return block;
  }

  private static ByteBuffer littleEndian(byte[] block) {
    return ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN);
  }
}
