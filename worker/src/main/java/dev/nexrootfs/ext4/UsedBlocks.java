package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.Superblock;
import java.util.List;

/**
 * Which blocks are taken: everything below the high water mark but the gaps, and all fixed
 * metadata.
 *
 * @param geometry the fixed metadata
 * @param highWater the first block after all content
 * @param gaps free runs below it, ascending
 */
record UsedBlocks(Geometry geometry, long highWater, List<BlockRange> gaps) {
  /** The block bitmap of {@code group}, a block long; bits past the group's end are set. */
  byte[] bitmap(int group) {
    long start = Geometry.firstBlock(group);
    int blocks = geometry.blocksIn(group);
    byte[] bitmap = new byte[Superblock.BLOCK_SIZE];
    set(bitmap, 0, (int) Math.max(0, Math.min(blocks, highWater - start)));
    for (int i = BlockRange.firstEndingAfter(gaps, start); i < gaps.size(); i++) {
      BlockRange gap = gaps.get(i);
      if (gap.start() >= start + blocks) {
        break;
      }
      int from = (int) Math.max(0, gap.start() - start);
      clear(bitmap, from, (int) Math.min(blocks, gap.end() - start));
    }
    List<BlockRange> fixed = geometry.fixed();
    for (int i = BlockRange.firstEndingAfter(fixed, start); i < fixed.size(); i++) {
      if (fixed.get(i).start() >= start + blocks) {
        break;
      }
      int from = (int) Math.max(0, fixed.get(i).start() - start);
      set(bitmap, from, (int) Math.min(blocks, fixed.get(i).end() - start));
    }
    set(bitmap, blocks, bitmap.length * 8);
    return bitmap;
  }

  /** Free blocks of the group whose bitmap is {@code bitmap}. */
  static int free(byte[] bitmap) {
    int used = 0;
    for (byte b : bitmap) {
      used += Integer.bitCount(b & 0xFF);
    }
    return bitmap.length * 8 - used;
  }

  private static void clear(byte[] bitmap, int from, int to) {
    for (int bit = from; bit < to; bit++) {
      bitmap[bit / 8] &= (byte) ~(1 << bit % 8);
    }
  }

  /** Sets the bits from {@code from} to before {@code to}. */
  static void set(byte[] bitmap, int from, int to) {
    int bit = from;
    while (bit < to && bit % 8 != 0) {
      bitmap[bit / 8] |= (byte) (1 << bit % 8);
      bit++;
    }
    if (to - bit >= 8) {
      java.util.Arrays.fill(bitmap, bit / 8, to / 8, (byte) 0xFF);
      bit = to / 8 * 8;
    }
    while (bit < to) {
      bitmap[bit / 8] |= (byte) (1 << bit % 8);
      bit++;
    }
  }
}
