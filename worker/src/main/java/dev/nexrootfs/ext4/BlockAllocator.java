package dev.nexrootfs.ext4;

import java.util.ArrayList;
import java.util.List;

/**
 * Hands out blocks in ascending order, keeping off the fixed metadata. Where a file is follows from
 * its first block and its number of blocks, so no list of runs is kept for a file.
 */
final class BlockAllocator {
  private final Geometry geometry;
  private final List<BlockRange> gaps = new ArrayList<>();
  private long next;
  private long taken;
  private int obstacle;

  BlockAllocator(Geometry geometry) {
    this.geometry = geometry;
    skipObstacles();
  }

  /** The block that is handed out next. */
  long next() {
    return next;
  }

  /**
   * The first of {@code count} blocks, in as many runs as {@link Geometry#runs} gives; 0 for none.
   */
  long allocate(long count) {
    if (count == 0) {
      return 0;
    }
    long start = next;
    taken += count;
    pass(count);
    return start;
  }

  /** Leaves {@code count} blocks free. */
  void skip(long count) {
    if (count > 0) {
      geometry.runs(next, count).forEach(this::addGap);
      pass(count);
    }
  }

  /** Leaves blocks free up to the next multiple of {@code blocks}. */
  void align(int blocks) {
    long aligned = (next + blocks - 1) / blocks * blocks;
    while (next < aligned) {
      skip(Math.min(aligned, nextObstacle()) - next);
    }
  }

  /** Blocks that are handed out in one run from {@link #next} on. */
  long room() {
    return nextObstacle() - next;
  }

  /** Whether everything that was handed out is inside the file system. */
  boolean fits() {
    return next <= geometry.blocks();
  }

  /** The first block after all that was handed out and skipped. */
  long highWater() {
    return next;
  }

  /** How many blocks were handed out. */
  long taken() {
    return taken;
  }

  /** Runs below {@link #highWater} that were skipped and are free, ascending. */
  List<BlockRange> gaps() {
    return List.copyOf(gaps);
  }

  private void addGap(BlockRange gap) {
    int last = gaps.size() - 1;
    if (last >= 0 && gaps.get(last).end() == gap.start()) {
      BlockRange before = gaps.get(last);
      gaps.set(last, new BlockRange(before.start(), before.count() + gap.count()));
    } else {
      gaps.add(gap);
    }
  }

  private void pass(long count) {
    long left = count;
    while (left > 0) {
      long piece = Math.min(left, nextObstacle() - next);
      next += piece;
      left -= piece;
      skipObstacles();
    }
  }

  private long nextObstacle() {
    List<BlockRange> fixed = geometry.fixed();
    return obstacle < fixed.size() ? fixed.get(obstacle).start() : Long.MAX_VALUE / 2;
  }

  private void skipObstacles() {
    List<BlockRange> fixed = geometry.fixed();
    while (obstacle < fixed.size() && fixed.get(obstacle).start() <= next) {
      next = Math.max(next, fixed.get(obstacle).end());
      obstacle++;
    }
  }
}
