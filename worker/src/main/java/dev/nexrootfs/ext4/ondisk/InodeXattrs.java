package dev.nexrootfs.ext4.ondisk;

import java.util.List;

/**
 * Extended attributes after an inode's fixed fields: {@code struct ext4_xattr_ibody_header} and its
 * entries (attributes.rst).
 */
public final class InodeXattrs {
  private static final int HEADER_BYTES = 4;

  /** Bytes for entries and values. */
  public static final int CAPACITY = XattrEntry.capacity(Inode.ATTRIBUTE_BYTES, HEADER_BYTES);

  private InodeXattrs() {}

  /**
   * Encodes {@code entries}, which are in {@link XattrEntry#KERNEL_ORDER} and fit {@link
   * #CAPACITY}; nothing for none.
   */
  public static byte[] encode(List<XattrEntry> entries) {
    if (entries.isEmpty()) {
      return new byte[0];
    }
    byte[] area =
        Struct.littleEndian(Inode.ATTRIBUTE_BYTES).bits32(0, XattrEntry.MAGIC).array(); // h_magic
    XattrEntry.put(area, HEADER_BYTES, HEADER_BYTES, entries, false);
    return area;
  }
}
