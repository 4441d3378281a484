package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.util.HashSet;
import java.util.Set;

/**
 * A block map by pointers: 12 to blocks, then one each to a block of pointers, of pointers to
 * those, and of pointers to those (ifork.rst).
 */
final class IndirectMap implements BlockMap {
  private static final int DIRECT = 12;
  private static final int LEVELS = 3;

  private final Volume volume;
  private final StoredInode inode;
  private final int perBlock;
  private final Fields root;

  IndirectMap(Volume volume, StoredInode inode) {
    this.volume = volume;
    this.inode = inode;
    this.perBlock = volume.blockSize() / 4;
    this.root = new Fields(inode.iBlock());
  }

  @Override
  public void walk(Visitor visitor) throws IOException {
    Walk walk = new Walk(visitor);
    for (int i = 0; i < DIRECT; i++) {
      walk.data(i, pointer(root, i));
    }
    long first = DIRECT;
    for (int level = 1; level <= LEVELS; level++) {
      walk.enter(first, pointer(root, DIRECT + level - 1), level);
      first += span(level);
    }
    walk.end();
  }

  /** One walk: joins neighbours into runs, and enters no block twice. */
  private final class Walk {
    private final Visitor visitor;
    private final Set<Long> entered = new HashSet<>();
    private long start;
    private long count;
    private long physical;

    Walk(Visitor visitor) {
      this.visitor = visitor;
    }

    void enter(long first, long block, int level) throws IOException {
      if (block == 0) {
        return;
      }
      if (first >= MAX_LOGICAL_BLOCKS) {
        throw new UnreadableImageException(
            inode.where(), "maps block", first, "at most " + (MAX_LOGICAL_BLOCKS - 1));
      }
      volume.checkBlock(block, inode.where());
      if (!entered.add(block)) {
        throw new UnreadableImageException(
            inode.where(), "uses a block of its map twice: block", block, "");
      }
      if (!visitor.mapBlock(block)) {
        return;
      }
      Fields pointers = new Fields(volume.block(block, inode.where()));
      long below = level == 1 ? 1 : span(level - 1);
      for (int i = 0; i < perBlock; i++) {
        if (level == 1) {
          data(first + i, pointer(pointers, i));
        } else {
          enter(first + i * below, pointer(pointers, i), level - 1);
        }
      }
    }

    void data(long logical, long block) throws IOException {
      if (block == 0) {
        return;
      }
      volume.checkBlock(block, inode.where());
      if (logical >= MAX_LOGICAL_BLOCKS) {
        throw new UnreadableImageException(
            inode.where(), "maps block", logical, "at most " + (MAX_LOGICAL_BLOCKS - 1));
      }
      if (count > 0 && start + count == logical && physical + count == block) {
        count++;
        return;
      }
      end();
      start = logical;
      count = 1;
      physical = block;
    }

    void end() throws IOException {
      if (count > 0) {
        visitor.run(new Run(start, count, physical, false));
        count = 0;
      }
    }
  }

  @Override
  public Run runAt(long logical) throws IOException {
    if (logical < DIRECT) {
      return run(root, (int) logical, DIRECT, logical);
    }
    long rest = logical - DIRECT;
    for (int level = 1; level <= LEVELS; level++) {
      if (rest < span(level)) {
        return descend(level, rest, logical);
      }
      rest -= span(level);
    }
    return new Run(
        logical, MAX_LOGICAL_BLOCKS - Math.min(logical, MAX_LOGICAL_BLOCKS - 1), 0, false);
  }

  private Run descend(int top, long offset, long logical) throws IOException {
    long block = pointer(root, DIRECT + top - 1);
    long rest = offset;
    for (int level = top; level >= 1; level--) {
      if (block == 0) {
        return new Run(logical, span(level) - rest, 0, false);
      }
      Fields pointers = new Fields(volume.block(block, inode.where()));
      if (level == 1) {
        return run(pointers, (int) rest, perBlock, logical);
      }
      long below = span(level - 1);
      block = pointer(pointers, (int) (rest / below));
      rest %= below;
    }
    throw new IllegalStateException("level 1 returns");
  }

  /** The run or hole from pointer {@code index} on, within one block of pointers. */
  private Run run(Fields pointers, int index, int end, long logical)
      throws UnreadableImageException {
    long first = pointer(pointers, index);
    int count = 1;
    while (index + count < end
        && pointer(pointers, index + count) == (first == 0 ? 0 : first + count)) {
      count++;
    }
    if (first != 0) {
      volume.checkBlocks(first, count, inode.where());
    }
    return new Run(logical, count, first, false);
  }

  /** Blocks of the file below a pointer block of {@code level}. */
  private long span(int level) {
    long span = perBlock;
    for (int i = 1; i < level; i++) {
      span *= perBlock;
    }
    return span;
  }

  private static long pointer(Fields pointers, int index) {
    return pointers.u32(4 * index);
  }
}
