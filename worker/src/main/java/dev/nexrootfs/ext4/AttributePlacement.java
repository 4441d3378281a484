package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.InodeXattrs;
import dev.nexrootfs.ext4.ondisk.PosixAcl;
import dev.nexrootfs.ext4.ondisk.XattrBlock;
import dev.nexrootfs.ext4.ondisk.XattrEntry;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.SymbolicLink;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * Where the extended attributes of a node go: the inode takes as many bytes of them as it can hold,
 * a block of the node's own takes the rest.
 *
 * @param inInode in the kernel's order
 * @param inBlock in the kernel's order; empty where no block is needed
 */
record AttributePlacement(List<XattrEntry> inInode, List<XattrEntry> inBlock) {
  static final AttributePlacement NONE = new AttributePlacement(List.of(), List.of());

  private static final int UNIT = 4;

  /** Prefixes that are stored as a number (attributes.rst) and that kernels have a reader for. */
  private static final Map<String, Integer> INDEX_OF_PREFIX =
      Map.of("user.", 1, "trusted.", 4, "security.", 6);

  private static final String ACCESS_ACL = "system.posix_acl_access";
  private static final int ACCESS_ACL_INDEX = 2;
  private static final String DEFAULT_ACL = "system.posix_acl_default";
  private static final int DEFAULT_ACL_INDEX = 3;

  /**
   * The placement of the attributes of {@code node}.
   *
   * @throws LayoutException where they cannot be held; the message has no path
   */
  static AttributePlacement of(Node node) throws LayoutException {
    Map<String, byte[]> xattrs = node.attributes().xattrs().asMap();
    if (xattrs.isEmpty()) {
      return NONE;
    }
    List<XattrEntry> entries = new ArrayList<>();
    for (Map.Entry<String, byte[]> xattr : xattrs.entrySet()) {
      entries.add(entry(node, xattr.getKey(), xattr.getValue()));
    }
    entries.sort(XattrEntry.KERNEL_ORDER);
    boolean[] chosen = fullest(entries);
    List<XattrEntry> inInode = new ArrayList<>();
    List<XattrEntry> inBlock = new ArrayList<>();
    for (int i = 0; i < chosen.length; i++) {
      (chosen[i] ? inInode : inBlock).add(entries.get(i));
    }
    long rest = inBlock.stream().mapToLong(XattrEntry::bytes).sum();
    if (rest > XattrBlock.CAPACITY) {
      throw new LayoutException(
          LayoutException.Reason.TOO_LARGE,
          "extended attributes "
              + xattrs.keySet()
              + " take "
              + (rest + inInode.stream().mapToLong(XattrEntry::bytes).sum())
              + " bytes; the inode has room for "
              + InodeXattrs.CAPACITY
              + " of them and one block for "
              + XattrBlock.CAPACITY);
    }
    return new AttributePlacement(inInode, inBlock);
  }

  /** Blocks that the attributes take outside the inode. */
  int blocks() {
    return inBlock.isEmpty() ? 0 : 1;
  }

  /** Which of {@code entries} fill the inode best: by units of 4 bytes, the earlier first. */
  private static boolean[] fullest(List<XattrEntry> entries) {
    int room = InodeXattrs.CAPACITY / UNIT;
    // used[n][r]: the most units that the entries from n on can take of r.
    int[][] used = new int[entries.size() + 1][room + 1];
    for (int n = entries.size() - 1; n >= 0; n--) {
      int units = entries.get(n).bytes() / UNIT;
      for (int r = 0; r <= room; r++) {
        int with = units <= r ? units + used[n + 1][r - units] : 0;
        used[n][r] = Math.max(used[n + 1][r], with);
      }
    }
    boolean[] chosen = new boolean[entries.size()];
    int left = room;
    for (int n = 0; n < chosen.length; n++) {
      int units = entries.get(n).bytes() / UNIT;
      chosen[n] = units <= left && units + used[n + 1][left - units] == used[n][left];
      left -= chosen[n] ? units : 0;
    }
    return chosen;
  }

  private static XattrEntry entry(Node node, String name, byte[] value) throws LayoutException {
    if (name.equals(ACCESS_ACL)) {
      return acl(node, name, ACCESS_ACL_INDEX, value);
    }
    if (name.equals(DEFAULT_ACL)) {
      if (!(node instanceof Directory)) {
        throw invalid(name, "only a directory has a default access control list");
      }
      return acl(node, name, DEFAULT_ACL_INDEX, value);
    }
    int dot = name.indexOf('.');
    Integer index = dot < 0 ? null : INDEX_OF_PREFIX.get(name.substring(0, dot + 1));
    if (index == null) {
      throw invalid(
          name,
          "ext4 can hold the prefixes "
              + new TreeSet<>(INDEX_OF_PREFIX.keySet())
              + ", "
              + ACCESS_ACL
              + " and "
              + DEFAULT_ACL);
    }
    byte[] suffix = name.substring(dot + 1).getBytes(StandardCharsets.ISO_8859_1);
    if (suffix.length == 0 || suffix.length > 255) {
      throw invalid(name, "the name after its prefix has 1 to 255 bytes");
    }
    return new XattrEntry(index, suffix, value);
  }

  private static XattrEntry acl(Node node, String name, int index, byte[] value)
      throws LayoutException {
    if (node instanceof SymbolicLink) {
      throw invalid(name, "a symbolic link has no access control list");
    }
    try {
      return new XattrEntry(index, new byte[0], PosixAcl.toDisk(value));
    } catch (IllegalArgumentException e) {
      throw invalid(name, String.valueOf(e.getMessage()));
    }
  }

  private static LayoutException invalid(String name, String why) {
    return new LayoutException(
        LayoutException.Reason.INVALID, "extended attribute " + name + ": " + why);
  }
}
