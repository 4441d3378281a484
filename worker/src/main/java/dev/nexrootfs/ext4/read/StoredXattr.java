package dev.nexrootfs.ext4.read;

import dev.nexrootfs.ext4.ondisk.PosixAcl;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * {@code struct ext4_xattr_entry} as it stands in an image, with its value (attributes.rst).
 *
 * @param nameIndex {@code e_name_index}: the prefix
 * @param name {@code e_name}: the rest of the name
 * @param value the value as it is stored
 * @param valueOffset {@code e_value_offs} counted from the area's start; 0 for an empty value
 * @param hash {@code e_hash}
 */
record StoredXattr(int nameIndex, byte[] name, byte[] value, int valueOffset, int hash) {
  static final int ACL_ACCESS = 2;
  static final int ACL_DEFAULT = 3;
  static final int MAGIC = 0xEA020000;
  static final int BLOCK_HEADER_BYTES = 32;

  private static final int ENTRY_BYTES = 16;
  private static final int SYSTEM = 7;

  private static final Map<Integer, String> PREFIXES =
      Map.of(
          1,
          "user.",
          ACL_ACCESS,
          "system.posix_acl_access",
          ACL_DEFAULT,
          "system.posix_acl_default",
          4,
          "trusted.",
          6,
          "security.",
          SYSTEM,
          "system.",
          8,
          "system.richacl");

  /** Where attributes stand: in the inode, or in the block that it names. */
  private record Area(byte[] bytes, int firstEntry, int offsetsFrom, String where) {}

  /** The attributes in {@code inode} itself, in the order of the entries. */
  static List<StoredXattr> inInode(StoredInode inode) throws UnreadableImageException {
    byte[] bytes = inode.bytes();
    int start = inode.xattrOffset();
    if (!inode.hasSaneExtraIsize()) {
      throw new UnreadableImageException(
          inode.where(),
          "i_extra_isize",
          inode.extraIsize(),
          "a multiple of 4 up to " + (bytes.length - 128));
    }
    if (inode.extraIsize() == 0 || start + 4 > bytes.length) {
      return List.of();
    }
    if (new Fields(bytes).bits32(start) != MAGIC) { //                h_magic
      return List.of();
    }
    return decode(new Area(bytes, start + 4, start + 4, inode.where() + ": attributes"));
  }

  /** The attributes in the block that {@code inode} names, in the order of the entries. */
  static List<StoredXattr> inBlock(Volume volume, StoredInode inode) throws IOException {
    if (inode.fileAcl() == 0) {
      return List.of();
    }
    String where = inode.where() + ": attribute block " + inode.fileAcl();
    byte[] block = volume.block(inode.fileAcl(), where);
    Fields f = new Fields(block);
    if (f.bits32(0x00) != MAGIC) { //                                 h_magic
      throw new UnreadableImageException(
          where, "h_magic", String.format("0x%08x", f.bits32(0)), "0xea020000");
    }
    if (f.u32(0x08) != 1) { //                                        h_blocks
      throw new UnreadableImageException(where, "h_blocks", f.u32(0x08), "1");
    }
    return decode(new Area(block, BLOCK_HEADER_BYTES, 0, where));
  }

  private static List<StoredXattr> decode(Area area) throws UnreadableImageException {
    List<StoredXattr> entries = new ArrayList<>();
    Fields f = new Fields(area.bytes);
    int end = area.bytes.length;
    int namesEnd = endOfNames(area);
    int at = area.firstEntry;
    while (at < namesEnd - 4) {
      int nameLength = f.u8(at); //                                   e_name_len
      int nameIndex = f.u8(at + 1); //                                e_name_index
      String what = "entry at " + at + ": ";
      if (f.u32(at + 4) != 0) { //                                    e_value_inum
        throw new UnreadableImageException(
            area.where, what + "its value is in an inode, which is not read:", f.u32(at + 4), "");
      }
      long size = f.u32(at + 8); //                                   e_value_size
      int offset = area.offsetsFrom + f.u16(at + 2); //               e_value_offs
      if (size > 0 && (offset < namesEnd || offset > end || size > end - offset)) {
        throw new UnreadableImageException(
            area.where,
            what + "e_value_offs and e_value_size",
            f.u16(at + 2) + " and " + size,
            "within what follows the names");
      }
      entries.add(
          new StoredXattr(
              nameIndex,
              f.slice(at + ENTRY_BYTES, nameLength),
              size == 0 ? new byte[0] : f.slice(offset, (int) size),
              size == 0 ? 0 : offset,
              f.bits32(at + 12))); //                                 e_hash
      at += entryBytes(nameLength);
    }
    return entries;
  }

  /** Where the 4 zero bytes that end the entries end. */
  private static int endOfNames(Area area) throws UnreadableImageException {
    Fields f = new Fields(area.bytes);
    int at = area.firstEntry;
    while (true) {
      if (at + 4 > area.bytes.length) {
        throw new UnreadableImageException(area.where, "entries without an end, at", at, "");
      }
      if (f.bits32(at) == 0) {
        return at + 4;
      }
      if (at + ENTRY_BYTES > area.bytes.length) {
        throw new UnreadableImageException(area.where, "an entry that is cut off, at", at, "");
      }
      at += entryBytes(f.u8(at));
    }
  }

  static int entryBytes(int nameLength) {
    return ENTRY_BYTES + nameLength + 3 & ~3;
  }

  boolean isAcl() {
    return nameIndex == ACL_ACCESS || nameIndex == ACL_DEFAULT;
  }

  /**
   * The full name, one character for a byte.
   *
   * @throws UnreadableImageException for a prefix that ext4 does not know
   */
  String fullName(String where) throws UnreadableImageException {
    String suffix = new String(name, StandardCharsets.ISO_8859_1);
    String prefix = PREFIXES.get(nameIndex);
    boolean whole = isAcl() || nameIndex == 8;
    if (prefix == null || whole != name.length < 1) {
      throw new UnreadableImageException(
          where, "an attribute of e_name_index " + nameIndex + " and the name", suffix, "");
    }
    return prefix + suffix;
  }

  /**
   * The value as programs see it: of an ACL the form of {@code getxattr}.
   *
   * @throws UnreadableImageException for an ACL that is not in the form on disk
   */
  byte[] valueForPrograms(String where) throws UnreadableImageException {
    if (!isAcl()) {
      return value.clone();
    }
    try {
      return PosixAcl.toXattr(value);
    } catch (IllegalArgumentException e) {
      throw new UnreadableImageException(
          where, PREFIXES.get(nameIndex) + ":", String.valueOf(e.getMessage()), "");
    }
  }
}
