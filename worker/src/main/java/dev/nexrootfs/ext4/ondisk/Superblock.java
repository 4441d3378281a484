package dev.nexrootfs.ext4.ondisk;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * {@code struct ext4_super_block}, 1024 bytes: the geometry and identity of the file system
 * (super.rst). Fields that are not listed are zero.
 *
 * @param inodes {@code s_inodes_count}
 * @param blocks {@code s_blocks_count}
 * @param freeBlocks {@code s_free_blocks_count}
 * @param freeInodes {@code s_free_inodes_count}
 * @param inodesPerGroup {@code s_inodes_per_group}
 * @param reservedGdtBlocks {@code s_reserved_gdt_blocks}
 * @param overheadBlocks {@code s_overhead_clusters}: what {@code df} takes off, not seen by e2fsck
 * @param time {@code s_mkfs_time}, {@code s_wtime} and {@code s_lastcheck}
 * @param uuid {@code s_uuid}
 * @param hashSeed {@code s_hash_seed}
 * @param checksums gives {@code s_checksum_seed}
 * @param compat {@code s_feature_compat}
 * @param incompat {@code s_feature_incompat}
 * @param roCompat {@code s_feature_ro_compat}
 * @param journal where the journal is, kept in {@code s_jnl_blocks}; empty without a journal
 */
public record Superblock(
    long inodes,
    long blocks,
    long freeBlocks,
    long freeInodes,
    int inodesPerGroup,
    int reservedGdtBlocks,
    long overheadBlocks,
    Instant time,
    UUID uuid,
    UUID hashSeed,
    Checksums checksums,
    Set<CompatFeature> compat,
    Set<IncompatFeature> incompat,
    Set<RoCompatFeature> roCompat,
    Optional<Journal> journal) {
  /** Bytes of the structure. */
  public static final int BYTES = 1024;

  /**
   * Where the primary superblock stands in the image; backups stand at the start of their group.
   */
  public static final int OFFSET = 1024;

  /** {@code s_magic}. */
  public static final int MAGIC = 0xEF53;

  /** Bytes of a block: what DAX and the page cache of the guest want. */
  public static final int BLOCK_SIZE = 4096;

  /** {@code s_blocks_per_group}: as many as one block of bitmap has bits. */
  public static final int BLOCKS_PER_GROUP = 8 * BLOCK_SIZE;

  /** Two to this many groups make one flex group, {@code s_log_groups_per_flex}. */
  public static final int LOG_GROUPS_PER_FLEX = 4;

  private static final int CHECKSUM = 0x3FC;

  /**
   * The backup of the journal's inode.
   *
   * @param iBlock its {@code i_block}
   * @param size its {@code i_size}, bytes
   */
  public record Journal(byte[] iBlock, long size) {}

  /** Encodes the copy that stands in {@code group}; the checksum goes in last. */
  public byte[] encode(int group) {
    long seconds = Math.max(0, Math.min(time.getEpochSecond(), (1L << 40) - 1));
    Struct s =
        Struct.littleEndian(BYTES)
            .u32(0x00, inodes) //                                    s_inodes_count
            .split64(0x04, 0x150, blocks) //                         s_blocks_count
            .split64(0x0C, 0x158, freeBlocks) //                     s_free_blocks_count
            .u32(0x10, freeInodes) //                                s_free_inodes_count
            .u32(0x18, 2) //                                         s_log_block_size: 1024 << 2
            .u32(0x1C, 2) //                                         s_log_cluster_size
            .u32(0x20, BLOCKS_PER_GROUP) //                          s_blocks_per_group
            .u32(0x24, BLOCKS_PER_GROUP) //                          s_clusters_per_group
            .u32(0x28, inodesPerGroup) //                            s_inodes_per_group
            .bits32(0x30, (int) seconds) //                          s_wtime
            .u16(
                0x36, 0xFFFF) //                                    s_max_mnt_count: no forced check
            .u16(0x38, MAGIC) //                                     s_magic
            .u16(0x3A, 1) //                                         s_state: clean
            .u16(0x3C, 1) //                                         s_errors: continue
            .bits32(0x40, (int) seconds) //                          s_lastcheck
            .u32(0x4C, 1) //                                         s_rev_level: dynamic
            .u32(0x54, Inode.FIRST_INO) //                           s_first_ino
            .u16(0x58, Inode.BYTES) //                               s_inode_size
            .u16(
                0x5A,
                group & 0xFFFF) //                            s_block_group_nr: the kernel keeps 16
            // bits
            .u32(0x5C, CompatFeature.mask(compat)) //                s_feature_compat
            .u32(0x60, IncompatFeature.mask(incompat)) //            s_feature_incompat
            .u32(0x64, RoCompatFeature.mask(roCompat)) //            s_feature_ro_compat
            .bytes(0x68, bytesOf(uuid)) //                           s_uuid
            .u16(0xCE, reservedGdtBlocks) //                         s_reserved_gdt_blocks
            .bytes(0xEC, bytesOf(hashSeed)) //                       s_hash_seed
            .u8(0xFC, 1) //                                          s_def_hash_version: half_md4
            .u16(0xFE, GroupDescriptor.BYTES) //                     s_desc_size
            .u32(
                0x100,
                0xC) //                                      s_default_mount_opts: user_xattr, acl
            .bits32(0x108, (int) seconds) //                         s_mkfs_time
            .u16(0x15C, Inode.EXTRA_ISIZE) //                        s_min_extra_isize
            .u16(0x15E, Inode.EXTRA_ISIZE) //                        s_want_extra_isize
            .u32(0x160, 1) //                                        s_flags: signed directory hash
            .u8(0x174, LOG_GROUPS_PER_FLEX) //                       s_log_groups_per_flex
            .u8(0x175, 1) //                                         s_checksum_type: crc32c
            .u32(0x248, overheadBlocks) //                           s_overhead_clusters
            .bits32(0x270, checksums.superblockSeed()) //            s_checksum_seed
            .u8(0x274, (int) (seconds >>> 32)) //                    s_wtime_hi
            .u8(0x276, (int) (seconds >>> 32)) //                    s_mkfs_time_hi
            .u8(0x277, (int) (seconds >>> 32)); //                   s_lastcheck_hi
    journal.ifPresent(
        j ->
            s.u32(0xE0, Inode.JOURNAL_INO) //                        s_journal_inum
                .u8(0xFD, 1) //                                      s_jnl_backup_type
                .bytes(0x10C, j.iBlock()) //                         s_jnl_blocks[0..14]
                .u32(0x148, j.size() >>> 32) //                      s_jnl_blocks[15]
                .bits32(0x14C, (int) j.size())); //                  s_jnl_blocks[16]
    return s.bits32(CHECKSUM, Checksums.superblock(s.array(), CHECKSUM)).array();
  }

  static byte[] bytesOf(UUID uuid) {
    return ByteBuffer.allocate(16)
        .putLong(uuid.getMostSignificantBits())
        .putLong(uuid.getLeastSignificantBits())
        .array();
  }
}
