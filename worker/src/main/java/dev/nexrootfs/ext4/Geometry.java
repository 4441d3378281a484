package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.GroupDescriptor;
import dev.nexrootfs.ext4.ondisk.Inode;
import dev.nexrootfs.ext4.ondisk.JournalSuperblock;
import dev.nexrootfs.ext4.ondisk.Superblock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Block groups and where their fixed metadata is: what follows from the size and the number of
 * inodes alone.
 *
 * @param blocks {@code s_blocks_count}; a tail too short for a group's own metadata is left out, as
 *     mke2fs does
 * @param groups block groups
 * @param inodesPerGroup a multiple of 16
 * @param reservedDescriptorBlocks blocks behind the descriptors that are reserved for growth
 * @param journalBlocks blocks of the journal, 0 for none
 * @param fixed the metadata of all groups, ascending and apart: what content has to keep off
 * @param blockBitmaps by group, a block number
 * @param inodeBitmaps by group, a block number
 * @param inodeTables by group, the first block
 */
record Geometry(
    long blocks,
    int groups,
    int inodesPerGroup,
    int reservedDescriptorBlocks,
    int journalBlocks,
    List<BlockRange> fixed,
    long[] blockBitmaps,
    long[] inodeBitmaps,
    long[] inodeTables) {
  static final int INODES_PER_BLOCK = Superblock.BLOCK_SIZE / Inode.BYTES;

  /** What is smaller has no journal, as mke2fs gives it none. */
  static final long FEWEST_BLOCKS_WITH_JOURNAL = 2L * JournalSuperblock.MIN_BLOCKS;

  private static final int GROUPS_PER_FLEX = 1 << Superblock.LOG_GROUPS_PER_FLEX;
  private static final int DESCRIPTORS_PER_BLOCK = Superblock.BLOCK_SIZE / GroupDescriptor.BYTES;
  private static final int USUAL_INODES_PER_GROUP = 8192;
  private static final int MAX_INODES_PER_GROUP = Superblock.BLOCKS_PER_GROUP;
  private static final long MAX_INODES = 0xFFFF_FFFFL;
  private static final int MAX_RESERVED_DESCRIPTOR_BLOCKS = Superblock.BLOCK_SIZE / 4;
  private static final long MAX_RESIZE_INODE_BLOCKS = 1L << 32;
  private static final int GROWTH = 1024;

  /** What mke2fs asks of the last group beside its metadata. */
  private static final int MIN_TAIL_BLOCKS = 50;

  /** What an image is made for. */
  enum Purpose {
    /** To be used as large as it is: mke2fs's number of inodes. */
    KEEP,
    /** To be grown: each group has the inodes of a large file system, as grown ones will. */
    GROW
  }

  /**
   * The geometry of an image of {@code size} bytes with room for {@code inodes}; empty where the
   * metadata alone does not fit, or the inodes need more than there can be.
   */
  static Optional<Geometry> of(long size, Purpose purpose, long inodes) {
    long blocks = size / Superblock.BLOCK_SIZE;
    while (true) {
      int groups = Math.toIntExact(ceilDiv(blocks, Superblock.BLOCKS_PER_GROUP));
      long perGroup =
          groups == 0 ? Long.MAX_VALUE : inodesPerGroup(blocks, purpose, groups, inodes);
      if (perGroup > MAX_INODES_PER_GROUP || perGroup * groups > MAX_INODES) {
        return Optional.empty();
      }
      int inodesPerGroup = (int) perGroup;
      int reserved = reservedDescriptorBlocks(blocks);
      int last = groups - 1;
      long tail = blocks - (long) last * Superblock.BLOCKS_PER_GROUP;
      if (tail >= minTail(last, groups, inodesPerGroup, reserved)) {
        return place(blocks, groups, inodesPerGroup, reserved);
      }
      if (groups == 1) {
        return Optional.empty();
      }
      blocks -= tail;
    }
  }

  /** Blocks of one copy of the group descriptors. */
  int descriptorBlocks() {
    return descriptorBlocks(groups);
  }

  /** The fewest blocks of an image with as many groups as this one. */
  long fewestBlocks() {
    int last = groups - 1;
    return firstBlock(last) + minTail(last, groups, inodesPerGroup, reservedDescriptorBlocks);
  }

  /** The groups that hold a copy of superblock and descriptors, ascending. */
  int[] groupsWithSuperblock() {
    return IntStream.range(0, groups).filter(Geometry::hasSuperblock).toArray();
  }

  /** All blocks of fixed metadata. */
  long fixedBlocks() {
    return fixed.stream().mapToLong(BlockRange::count).sum();
  }

  /** Blocks of one group's inode table. */
  int inodeTableBlocks() {
    return inodesPerGroup / INODES_PER_BLOCK;
  }

  /**
   * Whether {@code group} holds a copy of superblock and descriptors: 0, 1 and the powers of 3, 5
   * and 7.
   */
  static boolean hasSuperblock(int group) {
    return group <= 1 || isPower(group, 3) || isPower(group, 5) || isPower(group, 7);
  }

  /** The first block of {@code group}. */
  static long firstBlock(int group) {
    return (long) group * Superblock.BLOCKS_PER_GROUP;
  }

  /** Blocks of {@code group}: all, or what the last one has. */
  int blocksIn(int group) {
    return (int) Math.min(Superblock.BLOCKS_PER_GROUP, blocks - firstBlock(group));
  }

  /** The group of inode {@code ino}. */
  int groupOf(long ino) {
    return (int) ((ino - 1) / inodesPerGroup);
  }

  /** {@code s_overhead_clusters}: what no file can ever have. */
  long overheadBlocks() {
    return journalBlocks + fixedBlocks();
  }

  /** The block that comes {@code count} blocks after {@code start}, fixed metadata not counted. */
  long blockAt(long start, long count) {
    List<BlockRange> runs = runs(start, count + 1);
    return runs.get(runs.size() - 1).end() - 1;
  }

  /** The runs of {@code count} blocks from {@code start} on that keep off the fixed metadata. */
  List<BlockRange> runs(long start, long count) {
    List<BlockRange> runs = new ArrayList<>(1);
    int next = BlockRange.firstEndingAfter(fixed, start);
    long at = start;
    long left = count;
    while (left > 0) {
      BlockRange obstacle = next < fixed.size() ? fixed.get(next) : null;
      if (obstacle != null && obstacle.start() <= at) {
        at = obstacle.end();
        next++;
        continue;
      }
      long length = obstacle == null ? left : Math.min(left, obstacle.start() - at);
      runs.add(new BlockRange(at, length));
      at += length;
      left -= length;
    }
    return runs;
  }

  private static long inodesPerGroup(long blocks, Purpose purpose, int groups, long inodes) {
    // One inode for 16 KiB of a whole group; an image of less than 32 MiB that is not to grow has
    // one for each block, as mke2fs has.
    long usual =
        purpose == Purpose.GROW
            ? USUAL_INODES_PER_GROUP
            : Math.min(USUAL_INODES_PER_GROUP, Math.max(blocks, 16));
    return ceilDiv(Math.max(usual, ceilDiv(inodes, groups)), INODES_PER_BLOCK) * INODES_PER_BLOCK;
  }

  /**
   * As many as mke2fs reserves: for 1024 times the size, at most what the double indirect block of
   * the resize inode can point to. Past 2^32 blocks there is no resize inode, for it holds block
   * numbers of 32 bits.
   */
  private static int reservedDescriptorBlocks(long blocks) {
    if (blocks > MAX_RESIZE_INODE_BLOCKS) {
      return 0;
    }
    long grown = Math.min(blocks * GROWTH, MAX_RESIZE_INODE_BLOCKS - 1);
    long grownGroups = ceilDiv(grown, Superblock.BLOCKS_PER_GROUP);
    long now = ceilDiv(ceilDiv(blocks, Superblock.BLOCKS_PER_GROUP), DESCRIPTORS_PER_BLOCK);
    long reserved = ceilDiv(grownGroups, DESCRIPTORS_PER_BLOCK) - now;
    return (int) Math.max(0, Math.min(reserved, MAX_RESERVED_DESCRIPTOR_BLOCKS));
  }

  private static long minTail(int last, int groups, int inodesPerGroup, int reserved) {
    return 2L
        + inodesPerGroup / INODES_PER_BLOCK
        + backupBlocks(last, groups, reserved)
        + MIN_TAIL_BLOCKS;
  }

  /**
   * The sizes of mke2fs (ext2fs_default_journal_size), so that as much room is left as it leaves.
   */
  private static int defaultJournalBlocks(long blocks) {
    if (blocks < FEWEST_BLOCKS_WITH_JOURNAL) {
      return 0;
    }
    if (blocks < 32_768) {
      return 1024;
    }
    if (blocks < 256 * 1024) {
      return 4096;
    }
    if (blocks < 512 * 1024) {
      return 8192;
    }
    if (blocks < 4096 * 1024) {
      return 16_384;
    }
    if (blocks < 8192 * 1024) {
      return 32_768;
    }
    if (blocks < 16_384 * 1024) {
      return 65_536;
    }
    return blocks < 32_768 * 1024 ? 131_072 : 262_144;
  }

  private static Optional<Geometry> place(
      long blocks, int groups, int inodesPerGroup, int reserved) {
    List<BlockRange> backups = new ArrayList<>();
    for (int group = 0; group < groups; group++) {
      if (hasSuperblock(group)) {
        backups.add(new BlockRange(firstBlock(group), backupBlocks(group, groups, reserved)));
      }
    }
    long[] blockBitmaps = new long[groups];
    long[] inodeBitmaps = new long[groups];
    long[] inodeTables = new long[groups];
    List<BlockRange> fixed = new ArrayList<>(backups);
    for (int first = 0; first < groups; first += GROUPS_PER_FLEX) {
      int end = Math.min(first + GROUPS_PER_FLEX, groups);
      FlexCursor cursor = new FlexCursor(firstBlock(first), backups, fixed);
      for (int group = first; group < end; group++) {
        blockBitmaps[group] = cursor.take(1);
      }
      for (int group = first; group < end; group++) {
        inodeBitmaps[group] = cursor.take(1);
      }
      for (int group = first; group < end; group++) {
        inodeTables[group] = cursor.take(inodesPerGroup / INODES_PER_BLOCK);
      }
      if (cursor.at > Math.min(blocks, firstBlock(end))) {
        return Optional.empty();
      }
    }
    fixed.sort(Comparator.comparingLong(BlockRange::start));
    return Optional.of(
        new Geometry(
            blocks,
            groups,
            inodesPerGroup,
            reserved,
            defaultJournalBlocks(blocks),
            joined(fixed),
            blockBitmaps,
            inodeBitmaps,
            inodeTables));
  }

  /**
   * Hands out the blocks of one flex group's metadata, each piece in one run, between the backups.
   */
  private static final class FlexCursor {
    private final List<BlockRange> backups;
    private final List<BlockRange> taken;
    private long at;

    FlexCursor(long at, List<BlockRange> backups, List<BlockRange> taken) {
      this.at = at;
      this.backups = backups;
      this.taken = taken;
    }

    long take(long count) {
      for (BlockRange backup : backups) {
        if (at < backup.end() && backup.start() < at + count) {
          at = backup.end();
        }
      }
      long start = at;
      taken.add(new BlockRange(start, count));
      at += count;
      return start;
    }
  }

  private static List<BlockRange> joined(List<BlockRange> sorted) {
    List<BlockRange> joined = new ArrayList<>();
    for (BlockRange range : sorted) {
      int last = joined.size() - 1;
      if (last >= 0 && joined.get(last).end() == range.start()) {
        BlockRange before = joined.get(last);
        joined.set(last, new BlockRange(before.start(), before.count() + range.count()));
      } else {
        joined.add(range);
      }
    }
    return List.copyOf(joined);
  }

  private static int backupBlocks(int group, int groups, int reserved) {
    return hasSuperblock(group) ? 1 + descriptorBlocks(groups) + reserved : 0;
  }

  private static int descriptorBlocks(int groups) {
    return (groups + DESCRIPTORS_PER_BLOCK - 1) / DESCRIPTORS_PER_BLOCK;
  }

  private static boolean isPower(int number, int base) {
    long power = base;
    while (power < number) {
      power *= base;
    }
    return power == number;
  }

  private static long ceilDiv(long dividend, long divisor) {
    return (dividend + divisor - 1) / divisor;
  }
}
