package dev.nexrootfs.ext4.ondisk;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A POSIX access control list in its two forms: as programs and archives hold it in {@code
 * system.posix_acl_access} and {@code system.posix_acl_default} (version 2, each entry 8 bytes),
 * and as ext4 holds it (version 1, {@code struct ext4_acl_entry}, entries without an id 4 bytes;
 * fs/ext4/acl.h).
 */
public final class PosixAcl {
  private static final int VERSION_IN_XATTR = 2;
  private static final int VERSION_ON_DISK = 1;
  private static final int USER_OBJ = 0x01;
  private static final int USER = 0x02;
  private static final int GROUP_OBJ = 0x04;
  private static final int GROUP = 0x08;
  private static final int MASK = 0x10;
  private static final int OTHER = 0x20;
  private static final int ALL_PERMISSIONS = 07;
  private static final int NO_ID = -1;

  private PosixAcl() {}

  /**
   * The form on disk of {@code xattr}.
   *
   * @throws IllegalArgumentException where the kernel would not take the list: its form, an unknown
   *     tag, an entry that is missing or out of order
   */
  public static byte[] toDisk(byte[] xattr) {
    ByteBuffer in = ByteBuffer.wrap(xattr).order(ByteOrder.LITTLE_ENDIAN);
    if (xattr.length < 4 || xattr.length % 8 != 4 || in.getInt() != VERSION_IN_XATTR) {
      throw new IllegalArgumentException(
          "an ACL of " + xattr.length + " bytes that is not of version 2 with entries of 8 bytes");
    }
    ByteBuffer out = ByteBuffer.allocate(xattr.length).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(VERSION_ON_DISK); //                    a_version
    int seen = 0;
    int before = 0;
    while (in.hasRemaining()) {
      int tag = in.getShort() & 0xFFFF;
      int permissions = in.getShort() & 0xFFFF;
      int id = in.getInt();
      checkEntry(tag, permissions, id, before);
      out.putShort((short) tag) //                     e_tag
          .putShort((short) permissions); //           e_perm
      if (hasId(tag)) {
        out.putInt(id); //                       e_id
      }
      seen |= tag;
      before = tag;
    }
    int required = USER_OBJ | GROUP_OBJ | OTHER | ((seen & (USER | GROUP)) == 0 ? 0 : MASK);
    if ((seen & required) != required) {
      throw new IllegalArgumentException(
          "an ACL without the entries of owner, group and others, or without a mask where it names users or groups");
    }
    return java.util.Arrays.copyOf(out.array(), out.position());
  }

  private static void checkEntry(int tag, int permissions, int id, int before) {
    boolean known = Integer.bitCount(tag) == 1 && tag <= OTHER;
    if (!known || (permissions & ~ALL_PERMISSIONS) != 0 || (hasId(tag) && id == NO_ID)) {
      throw new IllegalArgumentException(
          "an ACL entry with tag " + tag + ", permissions " + permissions + " and id " + id);
    }
    if (tag < before || (tag == before && !hasId(tag))) {
      throw new IllegalArgumentException(
          "an ACL whose entry with tag " + tag + " is out of order or there twice");
    }
  }

  /**
   * The form of programs and archives of {@code disk}.
   *
   * @throws IllegalArgumentException where it is not the form on disk
   */
  public static byte[] toXattr(byte[] disk) {
    ByteBuffer in = ByteBuffer.wrap(disk).order(ByteOrder.LITTLE_ENDIAN);
    if (disk.length < 4 || disk.length % 4 != 0 || in.getInt() != VERSION_ON_DISK) {
      throw new IllegalArgumentException(
          "an ACL of " + disk.length + " bytes that is not of version 1");
    }
    ByteBuffer out = ByteBuffer.allocate(4 + disk.length * 2).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(VERSION_IN_XATTR);
    while (in.hasRemaining()) {
      int tag = in.getShort() & 0xFFFF;
      out.putShort((short) tag).putShort(in.getShort());
      if (hasId(tag) && in.remaining() < 4) {
        throw new IllegalArgumentException("an ACL that ends in the middle of an entry");
      }
      out.putInt(hasId(tag) ? in.getInt() : NO_ID);
    }
    return java.util.Arrays.copyOf(out.array(), out.position());
  }

  private static boolean hasId(int tag) {
    return tag == USER || tag == GROUP;
  }
}
