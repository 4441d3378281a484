package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.util.List;

/** Checks what the primary superblock says about itself. */
final class SuperblockChecks {
  private static final String WHERE = "superblock";
  private static final int CRC32C = 1;
  private static final int STATE_CLEAN = 1;
  private static final int MAX_HASH_VERSION = 2;

  private final Volume volume;
  private final StoredSuperblock s;
  private final Findings findings;

  SuperblockChecks(Verification verification) {
    this.volume = verification.volume();
    this.s = volume.superblock();
    this.findings = verification.findings();
  }

  void check() throws IOException {
    if (s.hasChecksums()) {
      findings.same(WHERE, "s_checksum_type", s.checksumType(), CRC32C);
      int expected = MetadataChecksums.superblock(s.fields().bytes());
      findings.sameBits(WHERE, "s_checksum", s.checksum(), expected);
    }
    checkState();
    checkFeatures();
    checkHash();
    checkExtraIsize();
    checkJournalFields();
    findings.same(WHERE, "s_block_group_nr", s.blockGroup(), 0);
    findings.require(
        s.reservedBlocks() >= 0 && s.reservedBlocks() <= s.blocks() / 2,
        WHERE,
        "s_r_blocks_count",
        s.reservedBlocks(),
        "at most " + s.blocks() / 2);
    findings.require(
        s.logGroupsPerFlex() < 31,
        WHERE,
        "s_log_groups_per_flex",
        s.logGroupsPerFlex(),
        "at most 30");
    findings.same(WHERE, "s_rev_level", s.revision(), 1);
    findings.require(s.creatorOs() <= 4, WHERE, "s_creator_os", s.creatorOs(), "0 (Linux)");
    findings.same(WHERE, "s_overhead_clusters", s.overheadClusters(), overhead());
  }

  private void checkState() {
    findings.same(WHERE, "s_state", s.state(), STATE_CLEAN);
    findings.require(s.errors() >= 1 && s.errors() <= 3, WHERE, "s_errors", s.errors(), "1 to 3");
    findings.same(WHERE, "s_error_count", s.errorCount(), 0);
    findings.same(WHERE, "s_last_orphan", s.lastOrphan(), 0);
    findings.require(
        !s.hasIncompat(StoredSuperblock.INCOMPAT_RECOVER),
        WHERE,
        "says that the journal needs recovery",
        "",
        "");
  }

  private void checkFeatures() {
    List<String> unknown = Features.names(s).stream().filter(n -> n.contains("0x")).toList();
    findings.require(unknown.isEmpty(), WHERE, "unknown features", unknown, "");
    boolean seed = s.hasIncompat(StoredSuperblock.INCOMPAT_CSUM_SEED);
    findings.require(
        !seed || s.hasChecksums(), WHERE, "metadata_csum_seed without metadata_csum", "", "");
    findings.require(
        !s.hasChecksums() || !s.hasRoCompat(StoredSuperblock.RO_COMPAT_GDT_CSUM),
        WHERE,
        "metadata_csum together with uninit_bg",
        "",
        "");
    int size = s.descriptorSize();
    findings.require(
        s.hasIncompat(StoredSuperblock.INCOMPAT_64BIT)
            || size == 0
            || size == StoredGroup.SHORT_BYTES,
        WHERE,
        "s_desc_size",
        size,
        "0 or 32 without 64bit");
    boolean canReserve = s.hasCompat(StoredSuperblock.COMPAT_RESIZE_INODE);
    int most = canReserve ? volume.blockSize() / 4 : 0;
    findings.require(
        s.reservedGdtBlocks() <= most,
        WHERE,
        "s_reserved_gdt_blocks",
        s.reservedGdtBlocks(),
        "at most " + most);
  }

  private void checkHash() {
    int both = StoredSuperblock.FLAG_SIGNED_HASH | StoredSuperblock.FLAG_UNSIGNED_HASH;
    findings.require(
        Integer.bitCount(s.flags() & both) == 1,
        WHERE,
        "s_flags: the signedness of the directory hash",
        "0x" + Integer.toHexString(s.flags()),
        "0x1 signed or 0x2 unsigned");
    findings.require(
        s.defaultHashVersion() <= MAX_HASH_VERSION,
        WHERE,
        "s_def_hash_version",
        s.defaultHashVersion(),
        "at most " + MAX_HASH_VERSION);
  }

  private void checkExtraIsize() {
    if (!s.hasRoCompat(StoredSuperblock.RO_COMPAT_EXTRA_ISIZE) || s.inodeSize() == 128) {
      return;
    }
    int most = s.inodeSize() - 128;
    int min = s.minExtraIsize();
    int want = s.wantExtraIsize();
    String range = "a multiple of 4 from 4 to " + most;
    findings.require(
        min >= 4 && min <= most && min % 4 == 0, WHERE, "s_min_extra_isize", min, range);
    findings.require(
        want >= min && want <= most && want % 4 == 0, WHERE, "s_want_extra_isize", want, range);
  }

  private void checkJournalFields() {
    boolean has = s.hasCompat(StoredSuperblock.COMPAT_HAS_JOURNAL);
    findings.require(
        has == (s.journalIno() != 0),
        WHERE,
        "s_journal_inum",
        s.journalIno(),
        has ? "an inode, as has_journal is set" : "0");
    findings.same(WHERE, "s_journal_dev", s.journalDevice(), 0);
    findings.require(
        !s.hasJournalUuid(), WHERE, "s_journal_uuid of an internal journal is set", "", "zero");
  }

  /** What {@code df} takes off: all that no file can ever have, and the journal. */
  private long overhead() throws IOException {
    BlockGroups groups = volume.groups();
    long blocks = groups.firstDataBlock();
    for (int group = 0; group < groups.count(); group++) {
      blocks += groups.baseBlocks(group) + 2L + groups.inodeTableBlocks();
    }
    if (s.hasCompat(StoredSuperblock.COMPAT_HAS_JOURNAL) && s.journalIno() != 0) {
      long bytes = volume.inode(s.journalIno(), "superblock: s_journal_inum").size();
      blocks += bytes / volume.blockSize();
    }
    return blocks;
  }
}
