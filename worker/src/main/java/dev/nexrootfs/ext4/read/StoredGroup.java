package dev.nexrootfs.ext4.read;

import java.nio.ByteBuffer;

/**
 * {@code struct ext4_group_desc} as it stands in an image, 32 bytes, or more with the 64bit feature
 * (group_descr.rst).
 */
final class StoredGroup {
  static final int SHORT_BYTES = 32;
  static final int LONG_BYTES = 64;
  static final int INODE_UNINIT = 0x1;
  static final int BLOCK_UNINIT = 0x2;
  static final int INODE_ZEROED = 0x4;

  private final Fields f;
  private final boolean isLong;

  private StoredGroup(Fields fields, boolean isLong) {
    f = fields;
    this.isLong = isLong;
  }

  /** The descriptor in the next {@code size} bytes of {@code bytes}. */
  static StoredGroup decode(ByteBuffer bytes, int size) {
    byte[] copy = new byte[size];
    bytes.get(copy);
    return new StoredGroup(new Fields(copy), size >= LONG_BYTES);
  }

  byte[] bytes() {
    return f.bytes();
  }

  long blockBitmap() {
    return split64(0x00, 0x20); //  bg_block_bitmap
  }

  long inodeBitmap() {
    return split64(0x04, 0x24); //  bg_inode_bitmap
  }

  long inodeTable() {
    return split64(0x08, 0x28); //  bg_inode_table
  }

  long freeBlocks() {
    return split32(0x0C, 0x2C); //  bg_free_blocks_count
  }

  long freeInodes() {
    return split32(0x0E, 0x2E); //  bg_free_inodes_count
  }

  long usedDirectories() {
    return split32(0x10, 0x30); //  bg_used_dirs_count
  }

  int flags() {
    return f.u16(0x12); //          bg_flags
  }

  boolean has(int flag) {
    return (flags() & flag) != 0;
  }

  /** The checksum; only the low 16 bits in a short descriptor. */
  int blockBitmapChecksum() {
    return (int) split32(0x18, 0x38); // bg_block_bitmap_csum
  }

  /** The checksum; only the low 16 bits in a short descriptor. */
  int inodeBitmapChecksum() {
    return (int) split32(0x1A, 0x3A); // bg_inode_bitmap_csum
  }

  long unusedInodes() {
    return split32(0x1C, 0x32); //  bg_itable_unused
  }

  int checksum() {
    return f.u16(0x1E); //          bg_checksum
  }

  /** The bits of a bitmap's checksum that this descriptor can hold. */
  int checksumMask() {
    return isLong ? -1 : 0xFFFF;
  }

  private long split64(int lo, int hi) {
    return isLong ? f.split64(lo, hi) : f.u32(lo);
  }

  private long split32(int lo, int hi) {
    return isLong ? f.split32(lo, hi) & 0xFFFF_FFFFL : f.u16(lo);
  }
}
