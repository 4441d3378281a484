package dev.nexrootfs.ext4.read;

import java.util.Arrays;

/** What the checksums of an image's metadata have to be (checksums.rst). */
final class MetadataChecksums {
  /** The structure that ends a block of names: its checksum is in its last 4 bytes. */
  static final int DIRECTORY_TAIL_BYTES = 12;

  /** The structure that ends a block of an index. */
  static final int INDEX_TAIL_BYTES = 8;

  private static final int START = ~0;
  private static final int CRC16_POLYNOMIAL = 0xA001;

  private final StoredSuperblock superblock;
  private final int seed;

  MetadataChecksums(StoredSuperblock superblock) {
    this.superblock = superblock;
    this.seed =
        superblock.hasIncompat(StoredSuperblock.INCOMPAT_CSUM_SEED)
            ? superblock.checksumSeed()
            : Crc32c.of(START, superblock.uuidBytes(), 0, 16);
  }

  /** Whether the image has crc32c checksums on all metadata. */
  boolean areKept() {
    return superblock.hasChecksums();
  }

  /** Whether at least the group descriptors have checksums. */
  boolean areKeptOfGroups() {
    return areKept() || superblock.hasRoCompat(StoredSuperblock.RO_COMPAT_GDT_CSUM);
  }

  /** {@code s_checksum}: over all before it, without a seed. */
  static int superblock(byte[] bytes) {
    return Crc32c.of(START, bytes, 0, 0x3FC);
  }

  /** {@code bg_checksum}: crc32c with the field as zero, or crc16 without it. */
  int group(int group, byte[] descriptor) {
    if (!areKept()) {
      return groupCrc16(group, descriptor);
    }
    int crc = Crc32c.ofLe32(seed, group);
    crc = Crc32c.of(crc, descriptor, 0, 0x1E);
    crc = Crc32c.ofZeros(crc, 2);
    return Crc32c.of(crc, descriptor, 0x20, descriptor.length) & 0xFFFF;
  }

  int bitmap(byte[] bitmap, int length) {
    return Crc32c.of(seed, bitmap, 0, length);
  }

  /** {@code i_checksum}: with both halves of the field as zero. */
  int inode(StoredInode inode) {
    byte[] bytes = inode.bytes();
    int crc = Crc32c.of(ofInode(inode), bytes, 0, 0x7C);
    crc = Crc32c.ofZeros(crc, 2);
    crc = Crc32c.of(crc, bytes, 0x7E, 128);
    if (bytes.length == 128) {
      return crc;
    }
    crc = Crc32c.of(crc, bytes, 128, 0x82);
    boolean hasHigh = inode.extraIsize() >= 4;
    crc = hasHigh ? Crc32c.ofZeros(crc, 2) : Crc32c.of(crc, bytes, 0x82, 0x84);
    return Crc32c.of(crc, bytes, 0x84, bytes.length);
  }

  /** {@code det_checksum}: over the block less its tail. */
  int directoryBlock(StoredInode directory, byte[] block) {
    return Crc32c.of(ofInode(directory), block, 0, block.length - DIRECTORY_TAIL_BYTES);
  }

  /**
   * {@code dt_checksum}: over the entries in use, then {@code dt_reserved} and itself as zero.
   *
   * @param end where the entries in use end
   * @param tail where {@code dt_reserved} stands
   */
  int indexBlock(StoredInode directory, byte[] block, int end, int tail) {
    int crc = Crc32c.of(ofInode(directory), block, 0, end);
    crc = Crc32c.of(crc, block, tail, tail + 4);
    return Crc32c.ofZeros(crc, 4);
  }

  /** {@code et_checksum}: over header and all slots, which end at {@code tail}. */
  int extentBlock(StoredInode inode, byte[] block, int tail) {
    return Crc32c.of(ofInode(inode), block, 0, tail);
  }

  /** {@code h_checksum}: bound to the block's number, with the field as zero. */
  int xattrBlock(long number, byte[] block) {
    int crc = Crc32c.ofLe32(Crc32c.ofLe32(seed, (int) number), (int) (number >>> 32));
    crc = Crc32c.ofZeros(Crc32c.of(crc, block, 0, 0x10), 4);
    return Crc32c.of(crc, block, 0x14, block.length);
  }

  /** {@code s_checksum} of a journal's superblock: with the field as zero, without a seed. */
  static int journalSuperblock(byte[] bytes) {
    int crc = Crc32c.ofZeros(Crc32c.of(START, bytes, 0, 0xFC), 4);
    return Crc32c.of(crc, bytes, 0x100, 1024);
  }

  private int ofInode(StoredInode inode) {
    return Crc32c.ofLe32(Crc32c.ofLe32(seed, (int) inode.ino()), inode.generation());
  }

  private int groupCrc16(int group, byte[] descriptor) {
    byte[] number = {
      (byte) group, (byte) (group >>> 8), (byte) (group >>> 16), (byte) (group >>> 24)
    };
    int crc = crc16(0xFFFF, superblock.uuidBytes());
    crc = crc16(crc, number);
    crc = crc16(crc, Arrays.copyOf(descriptor, 0x1E));
    return crc16(crc, Arrays.copyOfRange(descriptor, 0x20, descriptor.length));
  }

  private static int crc16(int start, byte[] bytes) {
    int crc = start;
    for (byte b : bytes) {
      crc ^= b & 0xFF;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 1) == 0 ? crc >>> 1 : crc >>> 1 ^ CRC16_POLYNOMIAL;
      }
    }
    return crc;
  }
}
