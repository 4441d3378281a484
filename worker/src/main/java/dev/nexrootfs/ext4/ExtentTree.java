package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.Checksums;
import dev.nexrootfs.ext4.ondisk.Extent;
import dev.nexrootfs.ext4.ondisk.ExtentNode;
import java.util.ArrayList;
import java.util.List;

/**
 * The extents of one file and the nodes that hold them: bottom up, each node full but the last of
 * its level. The nodes below the root stand behind the data, leaves first.
 */
final class ExtentTree {
  /** Of a file without blocks. */
  static final ExtentTree EMPTY = new ExtentTree(List.of(), new long[0]);

  private final List<Extent> extents;
  private final long[] nodeBlocks;

  private ExtentTree(List<Extent> extents, long[] nodeBlocks) {
    this.extents = extents;
    this.nodeBlocks = nodeBlocks;
  }

  /**
   * The tree of a file whose data was handed out from {@code firstBlock} on.
   *
   * @param logicalRanges the blocks of the file that hold data, counted in the file
   */
  static ExtentTree of(Geometry geometry, List<BlockRange> logicalRanges, long firstBlock) {
    long blocks = blocksIn(logicalRanges);
    if (blocks == 0) {
      return EMPTY;
    }
    List<Extent> extents = extents(logicalRanges, geometry.runs(firstBlock, blocks));
    int nodes = nodes(extents.size());
    if (nodes == 0) {
      return new ExtentTree(extents, new long[0]);
    }
    long[] nodeBlocks = new long[nodes];
    int next = 0;
    long skipped = 0;
    for (BlockRange run : geometry.runs(firstBlock, blocks + nodes)) {
      for (long i = Math.max(0, blocks - skipped); i < run.count(); i++) {
        nodeBlocks[next++] = run.start() + i;
      }
      skipped += run.count();
    }
    return new ExtentTree(extents, nodeBlocks);
  }

  static long blocksIn(List<BlockRange> ranges) {
    long blocks = 0;
    for (BlockRange range : ranges) {
      blocks += range.count();
    }
    return blocks;
  }

  private static List<Extent> extents(List<BlockRange> logicalRanges, List<BlockRange> runs) {
    List<Extent> extents = new ArrayList<>(1);
    int run = 0;
    long used = 0;
    for (BlockRange logical : logicalRanges) {
      long at = logical.start();
      while (at < logical.end()) {
        BlockRange physical = runs.get(run);
        long room = Math.min(physical.count() - used, Extent.MAX_LENGTH);
        int length = (int) Math.min(logical.end() - at, room);
        extents.add(new Extent(at, length, physical.start() + used));
        at += length;
        used += length;
        if (used == physical.count()) {
          run++;
          used = 0;
        }
      }
    }
    return extents;
  }

  /** Nodes below the root for {@code extents}. */
  private static int nodes(int extents) {
    int total = 0;
    int level = extents;
    while (level > ExtentNode.ROOT_CAPACITY) {
      level = nodesFor(level);
      total += level;
    }
    return total;
  }

  List<Extent> extents() {
    return extents;
  }

  /** Where the nodes below the root stand. */
  long[] nodeBlocks() {
    return nodeBlocks;
  }

  /** The root, as {@code i_block}. */
  byte[] root() {
    if (nodeBlocks.length == 0) {
      return ExtentNode.rootOfExtents(extents);
    }
    List<List<ExtentNode.Index>> levels = indexLevels();
    return ExtentNode.rootOfIndexes(levels.size(), levels.get(levels.size() - 1));
  }

  /** Node {@code index} of those below the root. */
  byte[] node(long ino, int index, Checksums checksums) {
    int leaves = nodesFor(extents.size());
    if (index < leaves) {
      return ExtentNode.leaf(ino, slice(extents, index), checksums);
    }
    List<List<ExtentNode.Index>> levels = indexLevels();
    int first = leaves;
    for (int depth = 1; depth < levels.size(); depth++) {
      List<ExtentNode.Index> children = levels.get(depth - 1);
      int nodes = nodesFor(children.size());
      if (index < first + nodes) {
        return ExtentNode.inner(ino, depth, slice(children, index - first), checksums);
      }
      first += nodes;
    }
    throw new IllegalArgumentException("extent tree of inode " + ino + " has no node " + index);
  }

  /**
   * What points to the nodes of each level: element 0 to the leaves, element 1 to the nodes over
   * them, and so on; the last is what the root holds.
   */
  private List<List<ExtentNode.Index>> indexLevels() {
    List<List<ExtentNode.Index>> levels = new ArrayList<>();
    List<ExtentNode.Index> level = new ArrayList<>();
    int next = 0;
    for (int leaf = 0; leaf < nodesFor(extents.size()); leaf++) {
      long logical = extents.get(leaf * ExtentNode.BLOCK_CAPACITY).logicalBlock();
      level.add(new ExtentNode.Index(logical, nodeBlocks[next++]));
    }
    levels.add(level);
    while (level.size() > ExtentNode.ROOT_CAPACITY) {
      List<ExtentNode.Index> above = new ArrayList<>();
      for (int node = 0; node < nodesFor(level.size()); node++) {
        long logical = level.get(node * ExtentNode.BLOCK_CAPACITY).logicalBlock();
        above.add(new ExtentNode.Index(logical, nodeBlocks[next++]));
      }
      levels.add(above);
      level = above;
    }
    return levels;
  }

  private static int nodesFor(int entries) {
    return (entries + ExtentNode.BLOCK_CAPACITY - 1) / ExtentNode.BLOCK_CAPACITY;
  }

  private static <T> List<T> slice(List<T> entries, int node) {
    int start = node * ExtentNode.BLOCK_CAPACITY;
    return entries.subList(start, Math.min(start + ExtentNode.BLOCK_CAPACITY, entries.size()));
  }
}
