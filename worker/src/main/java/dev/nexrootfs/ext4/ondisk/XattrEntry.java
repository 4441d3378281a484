package dev.nexrootfs.ext4.ondisk;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Comparator;
import java.util.List;

/**
 * {@code struct ext4_xattr_entry} with its value: one extended attribute (attributes.rst).
 *
 * @param nameIndex {@code e_name_index}: the prefix that is not stored
 * @param name {@code e_name}: the rest of the name, 0 to 255 bytes
 * @param value the value's bytes
 */
public record XattrEntry(int nameIndex, byte[] name, byte[] value) {
  /** {@code h_magic} of a block and of what follows an inode's fixed fields. */
  static final int MAGIC = 0xEA020000;

  /** The kernel's order; its search for a name in a block stops where this order is past it. */
  public static final Comparator<XattrEntry> KERNEL_ORDER =
      Comparator.comparingInt(XattrEntry::nameIndex)
          .thenComparingInt(entry -> entry.name().length)
          .thenComparing(XattrEntry::name, java.util.Arrays::compareUnsigned);

  private static final int END_MARK = 4;

  /** Bytes that the entry and its value take, 4 at a time. */
  public int bytes() {
    return entryBytes() + valueBytes();
  }

  private int entryBytes() {
    return 16 + name.length + 3 & ~3;
  }

  private int valueBytes() {
    return value.length + 3 & ~3;
  }

  /** Bytes for entries and values in an area with a header of {@code headerBytes}. */
  static int capacity(int areaBytes, int headerBytes) {
    return areaBytes - headerBytes - END_MARK;
  }

  /**
   * Puts {@code entries}, in the kernel's order, from {@code firstEntry} on, and their values
   * backwards from the end of {@code area}.
   *
   * @param offsetsFrom what {@code e_value_offs} counts from
   * @return {@code h_hash}; {@code e_hash} is 0 where {@code hashed} is not asked for
   */
  static int put(
      byte[] area, int firstEntry, int offsetsFrom, List<XattrEntry> entries, boolean hashed) {
    ByteBuffer buffer = ByteBuffer.wrap(area).order(ByteOrder.LITTLE_ENDIAN);
    int entryAt = firstEntry;
    int valueAt = area.length;
    int all = 0;
    for (XattrEntry entry : entries) {
      valueAt -= entry.valueBytes();
      int hash = hashed ? entry.hash() : 0;
      all = Integer.rotateLeft(all, 16) ^ hash;
      int offset = entry.value.length == 0 ? 0 : valueAt - offsetsFrom;
      buffer
          .put(entryAt, (byte) entry.name.length) //           e_name_len
          .put(entryAt + 1, (byte) entry.nameIndex) //         e_name_index
          .putShort(entryAt + 2, (short) offset) //            e_value_offs
          .putInt(entryAt + 8, entry.value.length) //          e_value_size
          .putInt(entryAt + 12, hash) //                       e_hash
          .put(entryAt + 16, entry.name) //                    e_name
          .put(valueAt, entry.value);
      entryAt += entry.entryBytes();
    }
    return all;
  }

  /** {@code e_hash}: of the name's bytes as unsigned ones, and of the value in words. */
  private int hash() {
    int hash = 0;
    for (byte b : name) {
      hash = Integer.rotateLeft(hash, 5) ^ (b & 0xFF);
    }
    ByteBuffer words = ByteBuffer.allocate(valueBytes()).order(ByteOrder.LITTLE_ENDIAN);
    words.put(value).rewind();
    while (words.hasRemaining()) {
      hash = Integer.rotateLeft(hash, 16) ^ words.getInt();
    }
    return hash;
  }
}
