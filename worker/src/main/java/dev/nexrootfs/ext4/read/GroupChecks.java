package dev.nexrootfs.ext4.read;

import java.io.IOException;

/** Checks the group descriptors, and marks the fixed metadata as used. */
final class GroupChecks {
  private static final int KNOWN_FLAGS =
      StoredGroup.INODE_UNINIT | StoredGroup.BLOCK_UNINIT | StoredGroup.INODE_ZEROED;

  private final Verification verification;
  private final Volume volume;
  private final BlockGroups groups;
  private final Findings findings;

  GroupChecks(Verification verification) {
    this.verification = verification;
    this.volume = verification.volume();
    this.groups = volume.groups();
    this.findings = verification.findings();
  }

  void checkDescriptors() throws IOException {
    for (int group = 0; group < groups.count() && !findings.isFull(); group++) {
      StoredGroup descriptor = volume.group(group);
      String where = "group " + group;
      if (verification.checksums().areKeptOfGroups()) {
        findings.sameBits(
            where,
            "bg_checksum",
            descriptor.checksum(),
            verification.checksums().group(group, descriptor.bytes()));
      }
      checkNumbers(descriptor, group, where);
      useBase(group, where);
      usePart(group, where, "bg_block_bitmap", descriptor.blockBitmap(), 1);
      usePart(group, where, "bg_inode_bitmap", descriptor.inodeBitmap(), 1);
      usePart(group, where, "bg_inode_table", descriptor.inodeTable(), groups.inodeTableBlocks());
    }
    StoredSuperblock superblock = volume.superblock();
    if (superblock.hasIncompat(StoredSuperblock.INCOMPAT_MMP) && superblock.mmpBlock() != 0) {
      volume.checkBlock(superblock.mmpBlock(), "superblock: s_mmp_block");
      verification.use(superblock.mmpBlock(), 1, "superblock: s_mmp_block");
    }
  }

  private void checkNumbers(StoredGroup descriptor, int group, String where) {
    atMost(where, "bg_free_blocks_count", descriptor.freeBlocks(), groups.blocksIn(group));
    atMost(where, "bg_free_inodes_count", descriptor.freeInodes(), groups.inodesPerGroup());
    atMost(where, "bg_used_dirs_count", descriptor.usedDirectories(), groups.inodesPerGroup());
    // Each unused inode at the table's end is a free one.
    atMost(where, "bg_itable_unused", descriptor.unusedInodes(), descriptor.freeInodes());
    findings.require(
        (descriptor.flags() & ~KNOWN_FLAGS) == 0, where, "bg_flags", descriptor.flags(), "0 to 7");
  }

  private void atMost(String where, String what, long value, long most) {
    findings.require(value >= 0 && value <= most, where, what, value, "at most " + most);
  }

  private void useBase(int group, String where) {
    long count = groups.baseBlocks(group);
    long first = groups.firstBlock(group);
    if (first + count > groups.blocks()) {
      findings.add(where, "has no room for its copy of the descriptors; blocks", count, "");
    } else if (count > 0) {
      verification.use(first, count, where + ": superblock and descriptors");
    }
  }

  private void usePart(int group, String where, String what, long start, long count) {
    try {
      volume.checkBlocks(start, count, where + ": " + what);
    } catch (UnreadableImageException e) {
      findings.add(e.finding());
      return;
    }
    long first = groups.firstBlock(group);
    boolean within = start >= first && start + count <= first + groups.blocksPerGroup();
    boolean mayBeElsewhere = volume.superblock().hasIncompat(StoredSuperblock.INCOMPAT_FLEX_BG);
    findings.require(
        within || mayBeElsewhere,
        where,
        what + " outside of its group without flex_bg:",
        start,
        "");
    verification.use(start, count, where + ": " + what);
  }
}
