package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * Checks the copies of superblock and descriptors, from which a broken image is repaired and which
 * the kernel verifies when it grows one. What changes while a file system is mounted may differ.
 */
final class BackupChecks {
  /** A field that is the same in all copies. */
  private record Field(String name, int offset, int length) {}

  private static final Field[] SAME = {
    new Field("s_inodes_count", 0x00, 4),
    new Field("s_blocks_count_lo", 0x04, 4),
    new Field("s_r_blocks_count_lo", 0x08, 4),
    new Field("s_first_data_block", 0x14, 4),
    new Field("s_log_block_size", 0x18, 4),
    new Field("s_log_cluster_size", 0x1C, 4),
    new Field("s_blocks_per_group", 0x20, 4),
    new Field("s_clusters_per_group", 0x24, 4),
    new Field("s_inodes_per_group", 0x28, 4),
    new Field("s_magic", 0x38, 2),
    new Field("s_creator_os", 0x48, 4),
    new Field("s_rev_level", 0x4C, 4),
    new Field("s_first_ino", 0x54, 4),
    new Field("s_inode_size", 0x58, 2),
    new Field("s_feature_compat", 0x5C, 4),
    new Field("s_feature_incompat", 0x60, 4),
    new Field("s_feature_ro_compat", 0x64, 4),
    new Field("s_uuid", 0x68, 16),
    new Field("s_volume_name", 0x78, 16),
    new Field("s_reserved_gdt_blocks", 0xCE, 2),
    new Field("s_journal_uuid", 0xD0, 16),
    new Field("s_journal_inum", 0xE0, 4),
    new Field("s_hash_seed", 0xEC, 16),
    new Field("s_def_hash_version", 0xFC, 1),
    new Field("s_jnl_backup_type", 0xFD, 1),
    new Field("s_desc_size", 0xFE, 2),
    new Field("s_default_mount_opts", 0x100, 4),
    new Field("s_first_meta_bg", 0x104, 4),
    new Field("s_mkfs_time", 0x108, 4),
    new Field("s_jnl_blocks", 0x10C, 68),
    new Field("s_blocks_count_hi", 0x150, 4),
    new Field("s_r_blocks_count_hi", 0x154, 4),
    new Field("s_min_extra_isize", 0x15C, 2),
    new Field("s_want_extra_isize", 0x15E, 2),
    new Field("s_flags", 0x160, 4),
    new Field("s_log_groups_per_flex", 0x174, 1),
    new Field("s_checksum_type", 0x175, 1),
    new Field("s_overhead_clusters", 0x248, 4),
    new Field("s_backup_bgs", 0x24C, 8),
    new Field("s_lpf_ino", 0x268, 4),
    new Field("s_checksum_seed", 0x270, 4),
  };

  private final Verification verification;
  private final Volume volume;
  private final BlockGroups groups;
  private final Findings findings;

  BackupChecks(Verification verification) {
    this.verification = verification;
    this.volume = verification.volume();
    this.groups = volume.groups();
    this.findings = verification.findings();
  }

  void check() throws IOException {
    for (int group = 1; group < groups.count() && !findings.isFull(); group++) {
      if (groups.hasSuperblock(group)) {
        checkSuperblock(group);
        if (!volume.superblock().hasIncompat(StoredSuperblock.INCOMPAT_META_BG)) {
          checkDescriptors(group);
        }
      }
    }
  }

  private void checkSuperblock(int group) throws IOException {
    String where = "backup superblock of group " + group;
    byte[] block = volume.block(groups.firstBlock(group), where);
    byte[] bytes = Arrays.copyOf(block, StoredSuperblock.BYTES);
    byte[] primary = volume.superblock().fields().bytes();
    StoredSuperblock backup = StoredSuperblock.decode(ByteBuffer.wrap(bytes));
    if (volume.superblock().hasChecksums()) {
      findings.sameBits(
          where, "s_checksum", backup.checksum(), MetadataChecksums.superblock(bytes));
    }
    findings.same(where, "s_block_group_nr", backup.blockGroup(), group & 0xFFFF);
    for (Field field : SAME) {
      int end = field.offset + field.length;
      if (!Arrays.equals(bytes, field.offset, end, primary, field.offset, end)) {
        findings.add(
            where,
            field.name,
            "0x" + HexFormat.of().formatHex(bytes, field.offset, end),
            "0x" + HexFormat.of().formatHex(primary, field.offset, end) + " as in the primary");
      }
    }
  }

  private void checkDescriptors(int copy) throws IOException {
    int size = groups.descriptorBytes();
    for (int group = 0; group < groups.count() && !findings.isFull(); group++) {
      String where = "backup of descriptor " + group + " in group " + copy;
      int index = group / groups.descriptorsPerBlock();
      byte[] block = volume.block(groups.descriptorBlock(index, copy), where);
      int at = group % groups.descriptorsPerBlock() * size;
      StoredGroup backup = StoredGroup.decode(ByteBuffer.wrap(block, at, size), size);
      StoredGroup primary = volume.group(group);
      if (verification.checksums().areKeptOfGroups()) {
        findings.sameBits(
            where,
            "bg_checksum",
            backup.checksum(),
            verification.checksums().group(group, backup.bytes()));
      }
      findings.same(where, "bg_block_bitmap", backup.blockBitmap(), primary.blockBitmap());
      findings.same(where, "bg_inode_bitmap", backup.inodeBitmap(), primary.inodeBitmap());
      findings.same(where, "bg_inode_table", backup.inodeTable(), primary.inodeTable());
    }
  }
}
