package dev.nexrootfs.ext4.ondisk;

import java.time.Instant;

/**
 * {@code struct ext4_inode}, 256 bytes: everything about a file but its names and content
 * (inodes.rst).
 *
 * @param ino the inode's number, which its checksum covers
 * @param mode {@code i_mode}: type and permission bits
 * @param uid {@code i_uid}, 0 to 2^32-1
 * @param gid {@code i_gid}, 0 to 2^32-1
 * @param size {@code i_size}, bytes
 * @param time all four times; see {@link #FIRST_TIME} and {@link #LAST_TIME}
 * @param links {@code i_links_count}
 * @param sectors {@code i_blocks}: units of 512 bytes, everything counted
 * @param flags {@code i_flags}
 * @param iBlock {@code i_block}, 60 bytes: an extent tree's root, a short symlink's target or a
 *     device's number
 * @param fileAcl {@code i_file_acl}: the block of attributes, 0 for none
 * @param attributes what follows the fixed fields, at most {@link #ATTRIBUTE_BYTES}: the attributes
 *     in the inode
 */
public record Inode(
    long ino,
    int mode,
    long uid,
    long gid,
    long size,
    Instant time,
    int links,
    long sectors,
    int flags,
    byte[] iBlock,
    long fileAcl,
    byte[] attributes) {
  /** {@code s_inode_size}. */
  public static final int BYTES = 256;

  /** {@code i_extra_isize}: the fixed fields after the first 128 bytes. */
  public static final int EXTRA_ISIZE = 32;

  /** Room for attributes in the inode. */
  public static final int ATTRIBUTE_BYTES = BYTES - 128 - EXTRA_ISIZE;

  /** The root directory's number. */
  public static final int ROOT_INO = 2;

  /** The number of the file that holds the descriptors reserved for growth. */
  public static final int RESIZE_INO = 7;

  /** The journal's number. */
  public static final int JOURNAL_INO = 8;

  /** {@code s_first_ino}: the first that is not reserved. */
  public static final int FIRST_INO = 11;

  /** Most links of a file; a directory that has more counts 1 (dir_nlink). */
  public static final int MAX_LINKS = 65_000;

  /** {@code EXT4_INDEX_FL}: the directory has an index. */
  public static final int INDEX_FL = 0x1000;

  /** {@code EXT4_EXTENTS_FL}. */
  public static final int EXTENTS_FL = 0x80000;

  /** Type bits of {@code i_mode}: fifo. */
  public static final int S_IFIFO = 0x1000;

  /** Type bits of {@code i_mode}: character device. */
  public static final int S_IFCHR = 0x2000;

  /** Type bits of {@code i_mode}: directory. */
  public static final int S_IFDIR = 0x4000;

  /** Type bits of {@code i_mode}: block device. */
  public static final int S_IFBLK = 0x6000;

  /** Type bits of {@code i_mode}: regular file. */
  public static final int S_IFREG = 0x8000;

  /** Type bits of {@code i_mode}: symbolic link. */
  public static final int S_IFLNK = 0xA000;

  /** The earliest time that an inode can hold: 1901-12-13T20:45:52Z. */
  public static final Instant FIRST_TIME = Instant.ofEpochSecond(Integer.MIN_VALUE);

  /** The latest time that an inode can hold, to the nanosecond: 2446-05-10T22:38:55.999999999Z. */
  public static final Instant LAST_TIME =
      Instant.ofEpochSecond((1L << 34) + Integer.MIN_VALUE - 1, 999_999_999);

  static final int I_BLOCK_BYTES = 60;

  /** Encodes the inode; the checksum goes in last. */
  public byte[] encode(Checksums checksums) {
    long seconds = time.getEpochSecond();
    int low = (int) seconds;
    // The upper half of a time: two bits that continue the signed seconds, then the nanoseconds.
    int extra = (int) ((seconds - low) >>> 32 & 3) | time.getNano() << 2;
    Struct s =
        Struct.littleEndian(BYTES)
            .u16(0x00, mode) //                       i_mode
            .split32(0x02, 0x78, uid) //              i_uid
            .split64(0x04, 0x6C, size) //             i_size
            .bits32(0x08, low) //                     i_atime
            .bits32(0x0C, low) //                     i_ctime
            .bits32(0x10, low) //                     i_mtime
            .split32(0x18, 0x7A, gid) //              i_gid
            .u16(0x1A, links) //                      i_links_count
            .split48(0x1C, 0x74, sectors) //          i_blocks
            .bits32(0x20, flags) //                   i_flags
            .bytes(0x28, iBlock) //                   i_block
            .split48(0x68, 0x76, fileAcl) //          i_file_acl
            .u16(0x80, EXTRA_ISIZE) //                i_extra_isize
            .bits32(0x84, extra) //                   i_ctime_extra
            .bits32(0x88, extra) //                   i_mtime_extra
            .bits32(0x8C, extra) //                   i_atime_extra
            .bits32(0x90, low) //                     i_crtime
            .bits32(0x94, extra) //                   i_crtime_extra
            .bytes(128 + EXTRA_ISIZE, attributes);
    return s.splitBits32(0x7C, 0x82, checksums.ofInode(ino, s.array(), BYTES))
        .array(); // i_checksum
  }

  /**
   * {@code i_block} of a device: the old form where both numbers fit in a byte, else the new form.
   */
  public static byte[] deviceBlock(int major, int minor) {
    Struct block = Struct.littleEndian(I_BLOCK_BYTES);
    if (major < 256 && minor < 256) {
      return block.u32(0, (long) major << 8 | minor).array();
    }
    return block.bits32(4, (minor & 0xFF) | major << 8 | (minor & ~0xFF) << 12).array();
  }

  /** {@code i_block} of a symbolic link of at most {@link #SHORT_SYMLINK_BYTES} bytes. */
  public static byte[] symlinkBlock(byte[] target) {
    return Struct.littleEndian(I_BLOCK_BYTES).bytes(0, target).array();
  }

  /** The longest target that is kept in {@code i_block}, which holds a NUL after it. */
  public static final int SHORT_SYMLINK_BYTES = I_BLOCK_BYTES - 1;

  /** An {@code i_block} of nothing: a fifo's. */
  public static byte[] emptyBlock() {
    return new byte[I_BLOCK_BYTES];
  }
}
