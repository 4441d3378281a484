package dev.nexrootfs.ext4.read;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Arrays;
import java.util.UUID;

/** {@code struct ext4_super_block} as it stands in an image, 1024 bytes (super.rst). */
public final class StoredSuperblock {
  /** Bytes of the structure. */
  static final int BYTES = 1024;

  /** Where the primary one stands. */
  static final int OFFSET = 1024;

  static final int MAGIC = 0xEF53;

  static final int COMPAT_HAS_JOURNAL = 0x4;
  static final int COMPAT_RESIZE_INODE = 0x10;
  static final int COMPAT_DIR_INDEX = 0x20;
  static final int COMPAT_SPARSE_SUPER2 = 0x200;
  static final int COMPAT_ORPHAN_FILE = 0x1000;

  static final int INCOMPAT_FILETYPE = 0x2;
  static final int INCOMPAT_RECOVER = 0x4;
  static final int INCOMPAT_META_BG = 0x10;
  static final int INCOMPAT_EXTENTS = 0x40;
  static final int INCOMPAT_64BIT = 0x80;
  static final int INCOMPAT_MMP = 0x100;
  static final int INCOMPAT_FLEX_BG = 0x200;
  static final int INCOMPAT_CSUM_SEED = 0x2000;
  static final int INCOMPAT_LARGEDIR = 0x4000;

  static final int RO_COMPAT_SPARSE_SUPER = 0x1;
  static final int RO_COMPAT_GDT_CSUM = 0x10;
  static final int RO_COMPAT_DIR_NLINK = 0x20;
  static final int RO_COMPAT_EXTRA_ISIZE = 0x40;
  static final int RO_COMPAT_BIGALLOC = 0x200;
  static final int RO_COMPAT_METADATA_CSUM = 0x400;

  static final int FLAG_SIGNED_HASH = 0x1;
  static final int FLAG_UNSIGNED_HASH = 0x2;

  private final Fields f;

  private StoredSuperblock(Fields fields) {
    f = fields;
  }

  /** The superblock in the next 1024 bytes of {@code bytes}. */
  static StoredSuperblock decode(ByteBuffer bytes) {
    byte[] copy = new byte[BYTES];
    bytes.get(copy);
    return new StoredSuperblock(new Fields(copy));
  }

  Fields fields() {
    return f;
  }

  long inodes() {
    return f.u32(0x00); //             s_inodes_count
  }

  long blocks() {
    return split(0x04, 0x150); //      s_blocks_count
  }

  long reservedBlocks() {
    return split(0x08, 0x154); //      s_r_blocks_count
  }

  long freeBlocks() {
    return split(0x0C, 0x158); //      s_free_blocks_count
  }

  long freeInodes() {
    return f.u32(0x10); //             s_free_inodes_count
  }

  long firstDataBlock() {
    return f.u32(0x14); //             s_first_data_block
  }

  long logBlockSize() {
    return f.u32(0x18); //             s_log_block_size
  }

  long logClusterSize() {
    return f.u32(0x1C); //             s_log_cluster_size
  }

  long blocksPerGroup() {
    return f.u32(0x20); //             s_blocks_per_group
  }

  long clustersPerGroup() {
    return f.u32(0x24); //             s_clusters_per_group
  }

  long inodesPerGroup() {
    return f.u32(0x28); //             s_inodes_per_group
  }

  Instant mountTime() {
    return time(0x2C, 0x275); //       s_mtime
  }

  Instant writeTime() {
    return time(0x30, 0x274); //       s_wtime
  }

  int mounts() {
    return f.u16(0x34); //             s_mnt_count
  }

  int magic() {
    return f.u16(0x38); //             s_magic
  }

  int state() {
    return f.u16(0x3A); //             s_state
  }

  int errors() {
    return f.u16(0x3C); //             s_errors
  }

  Instant checkTime() {
    return time(0x40, 0x277); //       s_lastcheck
  }

  long checkInterval() {
    return f.u32(0x44); //             s_checkinterval
  }

  long creatorOs() {
    return f.u32(0x48); //             s_creator_os
  }

  long revision() {
    return f.u32(0x4C); //             s_rev_level
  }

  /** The first inode that is not reserved; 11 in images too old to say. */
  long firstIno() {
    return revision() == 0 ? 11 : f.u32(0x54); //  s_first_ino
  }

  /** Bytes of an inode; 128 in images too old to say. */
  int inodeSize() {
    return revision() == 0 ? 128 : f.u16(0x58); // s_inode_size
  }

  int blockGroup() {
    return f.u16(0x5A); //             s_block_group_nr
  }

  int compat() {
    return f.bits32(0x5C); //          s_feature_compat
  }

  int incompat() {
    return f.bits32(0x60); //          s_feature_incompat
  }

  int roCompat() {
    return f.bits32(0x64); //          s_feature_ro_compat
  }

  boolean hasCompat(int bit) {
    return (compat() & bit) != 0;
  }

  boolean hasIncompat(int bit) {
    return (incompat() & bit) != 0;
  }

  boolean hasRoCompat(int bit) {
    return (roCompat() & bit) != 0;
  }

  byte[] uuidBytes() {
    return f.slice(0x68, 16); //       s_uuid
  }

  /** The identity of the file system. */
  public UUID uuid() {
    ByteBuffer bytes = ByteBuffer.wrap(uuidBytes());
    return new UUID(bytes.getLong(), bytes.getLong());
  }

  byte[] volumeName() {
    return upToNul(f.slice(0x78, 16)); // s_volume_name
  }

  byte[] lastMounted() {
    return upToNul(f.slice(0x88, 64)); // s_last_mounted
  }

  int reservedGdtBlocks() {
    return f.u16(0xCE); //             s_reserved_gdt_blocks
  }

  boolean hasJournalUuid() {
    return !isZero(f.slice(0xD0, 16)); // s_journal_uuid
  }

  long journalIno() {
    return f.u32(0xE0); //             s_journal_inum
  }

  long journalDevice() {
    return f.u32(0xE4); //             s_journal_dev
  }

  long lastOrphan() {
    return f.u32(0xE8); //             s_last_orphan
  }

  int[] hashSeed() {
    return new int[] {
      f.bits32(0xEC), f.bits32(0xF0), f.bits32(0xF4), f.bits32(0xF8)
    }; // s_hash_seed
  }

  int defaultHashVersion() {
    return f.u8(0xFC); //              s_def_hash_version
  }

  int journalBackupType() {
    return f.u8(0xFD); //              s_jnl_backup_type
  }

  int descriptorSize() {
    return f.u16(0xFE); //             s_desc_size
  }

  long firstMetaBlockGroup() {
    return f.u32(0x104); //            s_first_meta_bg
  }

  Instant mkfsTime() {
    return time(0x108, 0x276); //      s_mkfs_time
  }

  /** The backup of the journal's {@code i_block}. */
  byte[] journalBlocks() {
    return f.slice(0x10C, 60); //      s_jnl_blocks[0..14]
  }

  long journalSize() {
    return f.split64(0x14C, 0x148); // s_jnl_blocks[16], [15]
  }

  int minExtraIsize() {
    return f.u16(0x15C); //            s_min_extra_isize
  }

  int wantExtraIsize() {
    return f.u16(0x15E); //            s_want_extra_isize
  }

  int flags() {
    return f.bits32(0x160); //         s_flags
  }

  long mmpBlock() {
    return f.split64(0x168, 0x16C); // s_mmp_block
  }

  int logGroupsPerFlex() {
    return f.u8(0x174); //             s_log_groups_per_flex
  }

  int checksumType() {
    return f.u8(0x175); //             s_checksum_type
  }

  long errorCount() {
    return f.u32(0x194); //            s_error_count
  }

  long[] quotaInos() {
    return new long[] {
      f.u32(0x240), f.u32(0x244), f.u32(0x26C)
    }; // s_usr_, s_grp_, s_prj_quota_inum
  }

  long overheadClusters() {
    return f.u32(0x248); //            s_overhead_clusters
  }

  long[] backupGroups() {
    return new long[] {f.u32(0x24C), f.u32(0x250)}; // s_backup_bgs
  }

  int checksumSeed() {
    return f.bits32(0x270); //         s_checksum_seed
  }

  long orphanFileIno() {
    return hasCompat(COMPAT_ORPHAN_FILE) ? f.u32(0x280) : 0; // s_orphan_file_inum
  }

  int checksum() {
    return f.bits32(0x3FC); //         s_checksum
  }

  /** Whether structures carry crc32c checksums. */
  boolean hasChecksums() {
    return hasRoCompat(RO_COMPAT_METADATA_CSUM);
  }

  /** The high halves count only with the feature. */
  private long split(int lo, int hi) {
    return hasIncompat(INCOMPAT_64BIT) ? f.split64(lo, hi) : f.u32(lo);
  }

  private Instant time(int lo, int hi) {
    return Instant.ofEpochSecond(f.u32(lo) | (long) f.u8(hi) << 32);
  }

  private static byte[] upToNul(byte[] bytes) {
    int length = 0;
    while (length < bytes.length && bytes[length] != 0) {
      length++;
    }
    return Arrays.copyOf(bytes, length);
  }

  private static boolean isZero(byte[] bytes) {
    return Arrays.equals(bytes, new byte[bytes.length]);
  }
}
