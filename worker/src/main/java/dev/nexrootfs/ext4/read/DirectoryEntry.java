package dev.nexrootfs.ext4.read;

import dev.nexrootfs.tree.Name;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code struct ext4_dir_entry_2} as it stands in an image, of an entry that is in use
 * (directory.rst).
 *
 * @param ino the inode, checked to be one of the file system
 * @param name 1 to 255 bytes
 * @param fileType {@code file_type}; 0 where the file system keeps none
 */
record DirectoryEntry(long ino, byte[] name, int fileType) {
  private static final int HEADER_BYTES = 8;
  private static final int MIN_BYTES = 12;

  boolean isDot() {
    return name.length == 1 && name[0] == '.';
  }

  boolean isDotDot() {
    return name.length == 2 && name[0] == '.' && name[1] == '.';
  }

  /** The name for a person. */
  String text() {
    return Name.text(name);
  }

  /**
   * The entries of one block of a directory that are in use; a block of an index has none but "."
   * and "..".
   *
   * @throws UnreadableImageException where the chain of entries is broken
   */
  static List<DirectoryEntry> decode(Volume volume, byte[] block, String where)
      throws UnreadableImageException {
    List<DirectoryEntry> entries = new ArrayList<>();
    boolean hasFileType = volume.superblock().hasIncompat(StoredSuperblock.INCOMPAT_FILETYPE);
    Fields f = new Fields(block);
    int at = 0;
    while (at < block.length) {
      int left = block.length - at;
      if (left < MIN_BYTES) {
        throw new UnreadableImageException(where, "ends in a rest of bytes", left, "");
      }
      long ino = f.u32(at); //                                       inode
      int length = recordLength(f.u16(at + 4), block.length); //     rec_len
      int nameLength = hasFileType ? f.u8(at + 6) : f.u16(at + 6); // name_len
      if (length < MIN_BYTES || length % 4 != 0 || length > left) {
        throw new UnreadableImageException(
            where, "entry at " + at + ": rec_len", length, "a multiple of 4 up to " + left);
      }
      if (ino != 0) {
        if (nameLength == 0 || nameLength > Name.MAX_BYTES || HEADER_BYTES + nameLength > length) {
          throw new UnreadableImageException(
              where,
              "entry at " + at + ": name_len",
              nameLength,
              "1 to " + (length - HEADER_BYTES));
        }
        if (ino > volume.superblock().inodes()) {
          throw new UnreadableImageException(
              where, "entry at " + at + ": inode", ino, "at most " + volume.superblock().inodes());
        }
        int type = hasFileType ? f.u8(at + 7) : 0; //                file_type
        entries.add(new DirectoryEntry(ino, f.slice(at + HEADER_BYTES, nameLength), type));
      }
      at += length;
    }
    return entries;
  }

  /** A length of 64 KiB does not fit 16 bits. */
  private static int recordLength(int stored, int blockSize) {
    if (blockSize < 1 << 16) {
      return stored;
    }
    return stored == 0xFFFF || stored == 0 ? blockSize : (stored & 0xFFFC) | (stored & 3) << 16;
  }
}
