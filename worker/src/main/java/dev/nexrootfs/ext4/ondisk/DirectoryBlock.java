package dev.nexrootfs.ext4.ondisk;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * One block of names: of a linear directory, or a leaf of an indexed one: {@code struct
 * ext4_dir_entry_2} entries, the last stretched to {@code struct ext4_dir_entry_tail} with the
 * checksum (directory.rst).
 */
public final class DirectoryBlock {
  /** Bytes for entries. */
  public static final int CAPACITY = Superblock.BLOCK_SIZE - 12;

  /** Longest name. */
  public static final int MAX_NAME_BYTES = 255;

  private DirectoryBlock() {}

  /**
   * {@code struct ext4_dir_entry_2}.
   *
   * @param ino the inode, 1 to 2^32-1
   * @param name 1 to 255 bytes
   * @param fileType {@code file_type}, see the constants of {@link FileType}
   */
  public record Entry(long ino, byte[] name, FileType fileType) {}

  /** {@code file_type} of an entry. */
  public enum FileType {
    /** Regular file. */
    FT_REG_FILE(1),
    /** Directory. */
    FT_DIR(2),
    /** Character device. */
    FT_CHRDEV(3),
    /** Block device. */
    FT_BLKDEV(4),
    /** Fifo. */
    FT_FIFO(5),
    /** Symbolic link. */
    FT_SYMLINK(7);

    private final int value;

    FileType(int value) {
      this.value = value;
    }

    int value() {
      return value;
    }
  }

  /** Bytes that an entry with a name of {@code nameBytes} takes at least. */
  public static int entryBytes(int nameBytes) {
    return 8 + nameBytes + 3 & ~3;
  }

  /**
   * Encodes a block of {@code entries}, which have to fit; a block without entries holds one unused
   * entry.
   */
  public static byte[] encode(long directoryIno, List<Entry> entries, Checksums checksums) {
    ByteBuffer block = ByteBuffer.allocate(Superblock.BLOCK_SIZE).order(ByteOrder.LITTLE_ENDIAN);
    int at = 0;
    for (int i = 0; i < entries.size(); i++) {
      Entry entry = entries.get(i);
      int length = i == entries.size() - 1 ? CAPACITY - at : entryBytes(entry.name().length);
      block
          .putInt(at, (int) entry.ino()) //                      inode
          .putShort(at + 4, (short) length) //                   rec_len, at most 4084
          .put(at + 6, (byte) entry.name().length) //            name_len
          .put(at + 7, (byte) entry.fileType().value) //     file_type
          .put(at + 8, entry.name()); //                         name
      at += length;
    }
    if (entries.isEmpty()) {
      block.putShort(4, (short) CAPACITY); //                    rec_len of an unused entry
    }
    block
        .putShort(CAPACITY + 4, (short) 12) //                   det_rec_len
        .put(CAPACITY + 7, (byte) 0xDE); //                      det_reserved_ft
    block.putInt(
        CAPACITY + 8, checksums.ofInode(directoryIno, block.array(), CAPACITY)); // det_checksum
    return block.array();
  }
}
