package dev.nexrootfs.ext4.ondisk;

import java.util.UUID;

/**
 * {@code struct journal_superblock_s}, 1024 bytes, big-endian: the first block of an empty journal
 * (journal.rst). Checksum features are left off as mke2fs leaves them: the kernel sets them when it
 * mounts.
 *
 * @param blocks {@code s_maxlen}
 * @param uuid {@code s_uuid}
 */
public record JournalSuperblock(int blocks, UUID uuid) {
  /** The shortest journal that the kernel takes. */
  public static final int MIN_BLOCKS = 1024;

  private static final int MAGIC = 0xC03B3998;
  private static final int SUPERBLOCK_V2 = 4;

  /** Encodes the structure. */
  public byte[] encode() {
    return Struct.bigEndian(1024)
        .bits32(0x00, MAGIC) //                          h_magic
        .u32(0x04, SUPERBLOCK_V2) //                     h_blocktype
        .u32(0x0C, Superblock.BLOCK_SIZE) //             s_blocksize
        .u32(0x10, blocks) //                            s_maxlen
        .u32(0x14, 1) //                                 s_first
        .u32(0x18, 1) //                                 s_sequence; s_start 0: nothing to replay
        .bytes(0x30, Superblock.bytesOf(uuid)) //        s_uuid
        .u32(0x40, 1) //                                 s_nr_users
        .array();
  }
}
