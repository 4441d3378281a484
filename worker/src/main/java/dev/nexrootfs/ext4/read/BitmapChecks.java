package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.util.BitSet;

/** Compares bitmaps and counts with the blocks and inodes that are in use. */
final class BitmapChecks {
  private final Verification verification;
  private final Volume volume;
  private final BlockGroups groups;
  private final Findings findings;
  private long freeBlocks;
  private long freeInodes;

  BitmapChecks(Verification verification) {
    this.verification = verification;
    this.volume = verification.volume();
    this.groups = volume.groups();
    this.findings = verification.findings();
  }

  void check() throws IOException {
    for (int group = 0; group < groups.count() && !findings.isFull(); group++) {
      StoredGroup descriptor = volume.group(group);
      freeBlocks += descriptor.freeBlocks();
      freeInodes += descriptor.freeInodes();
      try {
        checkBlocks(descriptor, group);
        checkInodes(descriptor, group);
      } catch (UnreadableImageException e) {
        findings.add(e.finding());
      }
    }
    StoredSuperblock superblock = volume.superblock();
    findings.same("superblock", "s_free_blocks_count", superblock.freeBlocks(), freeBlocks);
    findings.same("superblock", "s_free_inodes_count", superblock.freeInodes(), freeInodes);
  }

  private void checkBlocks(StoredGroup descriptor, int group) throws IOException {
    String where = "group " + group;
    int count = groups.blocksIn(group);
    BitSet seen = verification.blocks().of(group);
    BitSet bitmap = blockBitmap(volume, descriptor, group);
    if (!isUninit(descriptor, StoredGroup.BLOCK_UNINIT)) {
      byte[] bytes = volume.block(descriptor.blockBitmap(), where + ": bg_block_bitmap");
      if (verification.checksums().areKept()) {
        int mask = descriptor.checksumMask();
        int expected = verification.checksums().bitmap(bytes, groups.blocksPerGroup() / 8);
        findings.sameBits(
            where,
            "bg_block_bitmap_csum",
            descriptor.blockBitmapChecksum() & mask,
            expected & mask);
      }
      checkPadding(bitmap, count, where + ": block bitmap");
    }
    BitSet wrong = bitmap.get(0, count);
    wrong.xor(seen);
    for (int bit = wrong.nextSetBit(0); bit >= 0; bit = nextRun(wrong, seen, bit)) {
      findings.add(
          where + ": block bitmap",
          seen.get(bit)
              ? "calls free what is in use: block"
              : "calls used what nothing uses: block",
          groups.firstBlock(group) + bit,
          "");
    }
    findings.same(
        where,
        "bg_free_blocks_count",
        descriptor.freeBlocks(),
        count - bitmap.get(0, count).cardinality());
  }

  /** The first wrong bit after the run of bits that are wrong in the same way. */
  private static int nextRun(BitSet wrong, BitSet seen, int bit) {
    int next = bit;
    while (wrong.get(next) && seen.get(next) == seen.get(bit)) {
      next++;
    }
    return wrong.nextSetBit(next);
  }

  private void checkInodes(StoredGroup descriptor, int group) throws IOException {
    String where = "group " + group;
    int count = groups.inodesPerGroup();
    long first = (long) group * count + 1;
    BitSet seen = verification.inodes().between(first, first + count);
    for (long ino = first; ino < volume.superblock().firstIno() && ino < first + count; ino++) {
      seen.set((int) (ino - first)); // Reserved ones count as used.
    }
    BitSet bitmap = new BitSet();
    if (!isUninit(descriptor, StoredGroup.INODE_UNINIT)) {
      byte[] bytes = volume.block(descriptor.inodeBitmap(), where + ": bg_inode_bitmap");
      bitmap = BitSet.valueOf(bytes);
      if (verification.checksums().areKept()) {
        int mask = descriptor.checksumMask();
        int expected = verification.checksums().bitmap(bytes, count / 8);
        findings.sameBits(
            where,
            "bg_inode_bitmap_csum",
            descriptor.inodeBitmapChecksum() & mask,
            expected & mask);
      }
      checkPadding(bitmap, count, where + ": inode bitmap");
    }
    BitSet wrong = bitmap.get(0, count);
    wrong.xor(seen);
    for (int bit = wrong.nextSetBit(0); bit >= 0; bit = nextRun(wrong, seen, bit)) {
      findings.add(
          where + ": inode bitmap",
          seen.get(bit)
              ? "calls free what is in use: inode"
              : "calls used what is not in use: inode",
          first + bit,
          "");
    }
    findings.same(
        where,
        "bg_free_inodes_count",
        descriptor.freeInodes(),
        count - bitmap.get(0, count).cardinality());
    findings.same(
        where,
        "bg_used_dirs_count",
        descriptor.usedDirectories(),
        verification.inodes().directoriesBetween(first, first + count));
  }

  private void checkPadding(BitSet bitmap, int from, String where) {
    int bits = volume.blockSize() * 8;
    int clear = bitmap.nextClearBit(from);
    findings.require(
        clear >= bits, where, "padding is not set: bit", clear, "set from " + from + " on");
  }

  private boolean isUninit(StoredGroup descriptor, int flag) {
    return verification.checksums().areKeptOfGroups() && descriptor.has(flag);
  }

  /** The blocks of {@code group} that its bitmap calls used: what it says, or what it would say. */
  static BitSet blockBitmap(Volume volume, StoredGroup descriptor, int group) throws IOException {
    BlockGroups groups = volume.groups();
    StoredSuperblock superblock = volume.superblock();
    boolean counts =
        superblock.hasChecksums() || superblock.hasRoCompat(StoredSuperblock.RO_COMPAT_GDT_CSUM);
    if (!counts || !descriptor.has(StoredGroup.BLOCK_UNINIT)) {
      String where = "group " + group + ": bg_block_bitmap";
      return BitSet.valueOf(volume.block(descriptor.blockBitmap(), where));
    }
    // The kernel fills in the group's own metadata, as far as it is within the group.
    BitSet bitmap = new BitSet();
    bitmap.set(0, groups.baseBlocks(group));
    setWithin(groups, bitmap, group, descriptor.blockBitmap(), 1);
    setWithin(groups, bitmap, group, descriptor.inodeBitmap(), 1);
    setWithin(groups, bitmap, group, descriptor.inodeTable(), groups.inodeTableBlocks());
    return bitmap;
  }

  private static void setWithin(
      BlockGroups groups, BitSet bitmap, int group, long start, long count) {
    long first = groups.firstBlock(group);
    long from = Math.max(0, start - first);
    long to = Math.min(groups.blocksIn(group), start + count - first);
    if (from < to) {
      bitmap.set((int) from, (int) to);
    }
  }
}
