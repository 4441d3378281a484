package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.Superblock;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A run of blocks of the image and what renders them. */
sealed interface Region {
  /** The first block. */
  long firstBlock();

  /** The number of blocks. */
  long blocks();

  /**
   * Renders {@code target.remaining()} bytes from {@code position}, counted in the region.
   *
   * @throws IOException where content cannot be read
   */
  void read(long position, ByteBuffer target) throws IOException;

  /** Makes one block. */
  @FunctionalInterface
  interface BlockRenderer {
    /** Block {@code index} of the region, at most a block long; the rest is zero. */
    byte[] render(long index);
  }

  /**
   * Metadata of the file system, rendered block by block.
   *
   * @param renderer makes a block from its index in the region
   */
  record Metadata(long firstBlock, long blocks, BlockRenderer renderer) implements Region {
    @Override
    public void read(long position, ByteBuffer target) {
      long at = position;
      while (target.hasRemaining()) {
        int offset = (int) (at % Superblock.BLOCK_SIZE);
        int length = Math.min(Superblock.BLOCK_SIZE - offset, target.remaining());
        put(renderer.render(at / Superblock.BLOCK_SIZE), offset, length, target);
        at += length;
      }
    }
  }

  /**
   * A run of the blocks of one node.
   *
   * @param node all its blocks
   * @param index the first one's place in them
   */
  record OfNode(long firstBlock, long blocks, NodeBlocks node, long index) implements Region {
    @Override
    public void read(long position, ByteBuffer target) throws IOException {
      node.read(index * Superblock.BLOCK_SIZE + position, target);
    }
  }

  /** Puts {@code length} bytes of a block from {@code offset}; what it does not have is zero. */
  static void put(byte[] block, int offset, int length, ByteBuffer target) {
    int present = Math.max(0, Math.min(length, block.length - offset));
    target.put(block, Math.min(offset, block.length), present);
    zero(target, length - present);
  }

  /** Puts {@code count} zeros. */
  static void zero(ByteBuffer target, int count) {
    int left = count;
    while (left > 0) {
      int length = Math.min(left, Zeros.BLOCK.length);
      target.put(Zeros.BLOCK, 0, length);
      left -= length;
    }
  }

  /** A block of zeros. */
  final class Zeros {
    private static final byte[] BLOCK = new byte[Superblock.BLOCK_SIZE];

    private Zeros() {}
  }
}
