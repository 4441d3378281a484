package dev.nexrootfs.ext4.read;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/** The blocks that something was seen to use, kept for groups with such blocks only. */
final class BlockUse {
  private final BlockGroups groups;
  private final Map<Integer, BitSet> byGroup = new HashMap<>();

  BlockUse(BlockGroups groups) {
    this.groups = groups;
  }

  /**
   * Marks {@code count} blocks, which are of the file system.
   *
   * @return the first of them that was marked before; -1 where none was
   */
  long mark(long start, long count) {
    long twice = -1;
    long at = start;
    long end = start + count;
    while (at < end) {
      int group = groups.groupOfBlock(at);
      long first = groups.firstBlock(group);
      int from = (int) (at - first);
      int to = (int) Math.min(end - first, groups.blocksPerGroup());
      BitSet used = byGroup.computeIfAbsent(group, g -> new BitSet());
      int known = used.nextSetBit(from);
      if (twice < 0 && known >= 0 && known < to) {
        twice = first + known;
      }
      used.set(from, to);
      at = first + to;
    }
    return twice;
  }

  /** The used blocks of {@code group}, counted in it; not to be changed. */
  BitSet of(int group) {
    return byGroup.getOrDefault(group, new BitSet());
  }
}
