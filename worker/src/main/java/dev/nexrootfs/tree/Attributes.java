package dev.nexrootfs.tree;

import java.time.Instant;

/**
 * What every node has, whatever its type.
 *
 * @param permissions the low 12 bits of the mode: 0 to 07777
 * @param uid owner, 0 to {@link #MAX_ID}
 * @param gid group, 0 to {@link #MAX_ID}
 * @param mtime last change, to the nanosecond
 * @param xattrs extended attributes
 */
public record Attributes(int permissions, long uid, long gid, Instant mtime, Xattrs xattrs) {
  /** The highest id: 2^32-1 is no id to the kernel, but "leave as it is" (chown(2)). */
  public static final long MAX_ID = 0xFFFF_FFFEL;

  /** Checks the ranges. */
  public Attributes {
    if ((permissions & ~07777) != 0) {
      throw new IllegalArgumentException("permissions 0" + Integer.toOctalString(permissions));
    }
    checkId("uid", uid);
    checkId("gid", gid);
  }

  /** Attributes without extended ones. */
  public static Attributes of(int permissions, long uid, long gid, Instant mtime) {
    return new Attributes(permissions, uid, gid, mtime, Xattrs.NONE);
  }

  /** The same with another time. */
  public Attributes withMtime(Instant time) {
    return new Attributes(permissions, uid, gid, time, xattrs);
  }

  private static void checkId(String field, long id) {
    if (id < 0 || id > MAX_ID) {
      throw new IllegalArgumentException(field + " " + id + " is not from 0 to " + MAX_ID);
    }
  }
}
