package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.util.Arrays;

/**
 * Checks the files that no directory names: the journal, and the descriptors reserved for growth.
 */
final class SpecialInodes {
  private static final int JOURNAL_MAGIC = 0xC03B3998;
  private static final int JOURNAL_SUPERBLOCK_V1 = 3;
  private static final int JOURNAL_SUPERBLOCK_V2 = 4;
  private static final int MIN_JOURNAL_BLOCKS = 1024;
  private static final int KNOWN_JOURNAL_INCOMPAT = 0x3F;
  private static final int JOURNAL_CHECKSUMS = 0x18;
  private static final int DIRECT = 12;
  private static final int DIND = 13;

  private final Verification verification;
  private final Volume volume;
  private final BlockGroups groups;
  private final StoredSuperblock superblock;
  private final Findings findings;

  SpecialInodes(Verification verification) {
    this.verification = verification;
    this.volume = verification.volume();
    this.groups = volume.groups();
    this.superblock = volume.superblock();
    this.findings = verification.findings();
  }

  /** Checks the journal's inode, its backup in the superblock, and its own superblock. */
  void checkJournal() throws IOException {
    if (!superblock.hasCompat(StoredSuperblock.COMPAT_HAS_JOURNAL)
        || superblock.journalIno() == 0) {
      return;
    }
    StoredInode journal = volume.inode(superblock.journalIno(), "superblock: s_journal_inum");
    String where = "journal, " + journal.where();
    findings.require(
        journal.is(StoredInode.Type.REGULAR),
        where,
        "i_mode",
        Integer.toOctalString(journal.mode()),
        "a regular file");
    findings.same(where, "i_links_count", journal.links(), 1);
    int blockSize = volume.blockSize();
    long blocks = journal.size() / blockSize;
    findings.require(
        journal.size() % blockSize == 0 && blocks >= MIN_JOURNAL_BLOCKS,
        where,
        "i_size",
        journal.size(),
        "at least " + MIN_JOURNAL_BLOCKS + " blocks");
    findings.same("superblock", "s_jnl_backup_type", superblock.journalBackupType(), 1);
    findings.require(
        Arrays.equals(superblock.journalBlocks(), journal.iBlock()),
        "superblock",
        "s_jnl_blocks is not the journal's i_block",
        "",
        "");
    findings.same(
        "superblock",
        "s_jnl_blocks[15..16], the journal's size",
        superblock.journalSize(),
        journal.size());
    checkIsMapped(journal, blocks, where);
    BlockMap.Run first = BlockMap.of(volume, journal).runAt(0);
    if (first.hasData()) {
      checkJournalSuperblock(volume.block(first.physical(), where), blocks);
    }
  }

  private void checkIsMapped(StoredInode journal, long blocks, String where) throws IOException {
    BlockMap map = BlockMap.of(volume, journal);
    long at = 0;
    while (at < blocks) {
      BlockMap.Run run = map.runAt(at);
      if (!run.hasData()) {
        findings.add(where, "has a hole or unwritten blocks from block", at, "");
        return;
      }
      at += run.count();
    }
  }

  /** {@code struct journal_superblock_s}, big-endian (journal.rst). */
  private void checkJournalSuperblock(byte[] block, long blocks) {
    String where = "journal superblock";
    findings.sameBits(where, "h_magic", be32(block, 0x00), JOURNAL_MAGIC);
    int type = be32(block, 0x04);
    findings.require(
        type == JOURNAL_SUPERBLOCK_V1 || type == JOURNAL_SUPERBLOCK_V2,
        where,
        "h_blocktype",
        type,
        "4");
    findings.same(where, "s_blocksize", be32(block, 0x0C), volume.blockSize());
    int maxlen = be32(block, 0x10);
    findings.require(
        maxlen >= MIN_JOURNAL_BLOCKS && maxlen <= blocks,
        where,
        "s_maxlen",
        maxlen,
        MIN_JOURNAL_BLOCKS + " to " + blocks);
    findings.same(where, "s_first", be32(block, 0x14), 1);
    findings.same(where, "s_start: something to replay", be32(block, 0x1C), 0);
    findings.same(where, "s_errno", be32(block, 0x20), 0);
    if (type != JOURNAL_SUPERBLOCK_V2) {
      return;
    }
    int incompat = be32(block, 0x28);
    findings.require(
        (incompat & ~KNOWN_JOURNAL_INCOMPAT) == 0,
        where,
        "s_feature_incompat",
        incompat,
        "known features");
    findings.same(where, "s_nr_users", be32(block, 0x40), 1);
    if ((incompat & JOURNAL_CHECKSUMS) != 0) {
      findings.sameBits(
          where, "s_checksum", be32(block, 0xFC), MetadataChecksums.journalSuperblock(block));
    }
  }

  /**
   * Checks inode 7: its double-indirect block names the reserved descriptor blocks of the primary
   * copy, and each of those the blocks of the backups that stand in its place.
   */
  void checkResizeInode() throws IOException {
    if (!superblock.hasCompat(StoredSuperblock.COMPAT_RESIZE_INODE)) {
      return;
    }
    StoredInode resize = volume.inode(StoredInode.RESIZE_INO, "superblock");
    String where = "resize inode, " + resize.where();
    int reserved = superblock.reservedGdtBlocks();
    if (reserved == 0 && resize.links() == 0) {
      return;
    }
    long perBlock = volume.blockSize() / 4;
    long size = (perBlock * perBlock + perBlock + DIRECT) * volume.blockSize();
    int backups = 0;
    for (int group = 1; group < groups.count(); group++) {
      backups += groups.hasSuperblock(group) ? 1 : 0;
    }
    long blocks = 1 + (long) reserved * (1 + backups);
    findings.require(
        resize.is(StoredInode.Type.REGULAR),
        where,
        "i_mode",
        Integer.toOctalString(resize.mode()),
        "a regular file");
    findings.same(where, "i_links_count", resize.links(), 1);
    findings.same(where, "i_size", resize.size(), size);
    findings.same(where, "i_blocks", resize.blocks(), blocks * (volume.blockSize() / 512));
    Fields pointers = new Fields(resize.iBlock());
    for (int i = 0; i < 15; i++) {
      if (i != DIND) {
        findings.same(where, "i_block[" + i + "]", pointers.u32(4 * i), 0);
      }
    }
    checkReserved(pointers.u32(4 * DIND), backups, where);
  }

  private void checkReserved(long dind, int backups, String where) throws IOException {
    Fields slots = new Fields(volume.block(dind, where + ": i_block[13]"));
    verification.use(dind, 1, where);
    int perBlock = volume.blockSize() / 4;
    long firstDescriptor = groups.firstDataBlock() + 1;
    long[] expected = new long[perBlock];
    int first = groups.joinedDescriptorBlocks();
    for (long index = first; index < (long) first + superblock.reservedGdtBlocks(); index++) {
      expected[(int) (index % perBlock)] = firstDescriptor + index;
    }
    for (int slot = 0; slot < perBlock && !findings.isFull(); slot++) {
      findings.same(
          where,
          "entry " + slot + " of the double-indirect block",
          slots.u32(4 * slot),
          expected[slot]);
      if (expected[slot] != 0 && slots.u32(4 * slot) == expected[slot]) {
        checkBackups(expected[slot], backups, where);
      }
    }
  }

  private void checkBackups(long primary, int backups, String where) throws IOException {
    String text = where + ": reserved descriptor block " + primary;
    Fields names = new Fields(volume.block(primary, text));
    long place = primary - groups.firstDataBlock();
    int slot = 0;
    for (int group = 1; group < groups.count() && slot < backups; group++) {
      if (groups.hasSuperblock(group)) {
        findings.same(text, "entry " + slot, names.u32(4 * slot), groups.firstBlock(group) + place);
        slot++;
      }
    }
    for (; slot < volume.blockSize() / 4; slot++) {
      findings.same(text, "entry " + slot, names.u32(4 * slot), 0);
    }
  }

  private static int be32(byte[] bytes, int at) {
    return Integer.reverseBytes(new Fields(bytes).bits32(at));
  }
}
