package dev.nexrootfs.ext4.ondisk;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * The checksums of metadata_csum, all seeded by one UUID (checksums.rst).
 *
 * <p>The kernel chains raw crc32c values. Raw CRCs chain by concatenation, so each checksum is the
 * crc32c of the seed's bytes, then the owner's numbers, then the body, with the final inversion of
 * {@link CRC32C} undone.
 *
 * @param seed the UUID whose crc32c is {@code s_checksum_seed} (metadata_csum_seed)
 */
public record Checksums(UUID seed) {
  private static final byte[] ZEROS = new byte[8];

  /** {@code s_checksum_seed}: the raw crc32c of the seed's 16 bytes. */
  public int superblockSeed() {
    return raw(start(0));
  }

  /** The checksum of the superblock: its own bytes without a seed. */
  static int superblock(byte[] body, int length) {
    CRC32C crc = new CRC32C();
    crc.update(body, 0, length);
    return raw(crc);
  }

  /**
   * {@code bg_checksum}: le32 group number, then the descriptor with the field zero; the low 16
   * bits.
   */
  int groupDescriptor(int group, byte[] body) {
    CRC32C crc = start(4, group);
    crc.update(body);
    return raw(crc) & 0xFFFF;
  }

  /** The checksum of a block bitmap or an inode bitmap over its first {@code length} bytes. */
  public int bitmap(byte[] bitmap, int length) {
    CRC32C crc = start(0);
    crc.update(bitmap, 0, length);
    return raw(crc);
  }

  /**
   * A checksum bound to an inode of generation 0: of the inode, its directory blocks or its extent
   * blocks.
   */
  public int ofInode(long ino, byte[] body, int length) {
    return ofInode(ino, body, length, 0);
  }

  /** The same with {@code zeros} zero bytes after the body, at most 8. */
  int ofInode(long ino, byte[] body, int length, int zeros) {
    CRC32C crc = start(8, (int) ino, 0);
    crc.update(body, 0, length);
    crc.update(ZEROS, 0, zeros);
    return raw(crc);
  }

  /** {@code h_checksum} of a block of attributes: le64 block number, then all its bytes. */
  int ofXattrBlock(long block, byte[] body) {
    CRC32C crc = start(8, (int) block, (int) (block >>> 32));
    crc.update(body);
    return raw(crc);
  }

  private CRC32C start(int numberBytes, int... numbers) {
    ByteBuffer head = ByteBuffer.allocate(16 + numberBytes);
    head.putLong(seed.getMostSignificantBits()).putLong(seed.getLeastSignificantBits());
    head.order(ByteOrder.LITTLE_ENDIAN);
    for (int number : numbers) {
      head.putInt(number);
    }
    CRC32C crc = new CRC32C();
    crc.update(head.array());
    return crc;
  }

  private static int raw(CRC32C crc) {
    return (int) ~crc.getValue();
  }
}
