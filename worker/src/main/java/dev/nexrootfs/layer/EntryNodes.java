package dev.nexrootfs.layer;

import dev.nexrootfs.tar.DataSegments;
import dev.nexrootfs.tar.TarEntry;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import dev.nexrootfs.tree.Xattrs;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes nodes of entries.
 *
 * <p>Extended attributes that belong to the machine where a layer was made are left out: labels of
 * SELinux, NFSv4 lists, what overlayfs notes for itself, with and without privileges, and what
 * macOS and btrfs have of their own. What IMA and EVM keep stays, for it may be a signature that
 * the guest checks.
 */
final class EntryNodes {
  /** Bytes of a value that the kernel takes at most (XATTR_SIZE_MAX). */
  private static final int MAX_XATTR_BYTES = 1 << 16;

  /** What an attribute takes in memory beside its bytes. */
  private static final int BYTES_PER_XATTR = 128;

  private static final List<String> HOSTS_XATTRS = List.of("security.selinux", "system.nfs4_acl");

  private static final List<String> HOSTS_PREFIXES =
      List.of("trusted.overlay.", "user.overlay.", "com.apple.", "btrfs.");

  private final FileTree tree;
  private final MergeBudget budget;

  EntryNodes(FileTree tree, MergeBudget budget) {
    this.tree = tree;
    this.budget = budget;
  }

  /**
   * The node of {@code entry}, which is no hard link.
   *
   * @throws IllegalArgumentException where a field holds what no node can hold
   */
  Node node(LayerEntry entry) {
    TarEntry tar = entry.tar();
    Attributes attributes = attributes(tar);
    long sequence = tree.nextSequence();
    return switch (tar.type()) {
      case REGULAR -> new RegularFile(attributes, sequence, content(entry));
      case DIRECTORY -> new Directory(attributes, sequence);
      case SYMBOLIC_LINK -> {
        SymbolicLink link = new SymbolicLink(attributes, sequence, tar.linkName());
        budget.hold(link.length());
        yield link;
      }
      case CHARACTER_DEVICE -> device(tar, attributes, sequence, DeviceNode.Type.CHARACTER);
      case BLOCK_DEVICE -> device(tar, attributes, sequence, DeviceNode.Type.BLOCK);
      case FIFO -> new DeviceNode(attributes, sequence, DeviceNode.Type.FIFO, 0, 0);
      case HARD_LINK -> throw new IllegalStateException("a hard link is no node");
    };
  }

  private Content content(LayerEntry entry) {
    TarEntry tar = entry.tar();
    if (tar.segments().isEmpty()) {
      return new FileSlice(entry.layer().channel(), tar.offset(), tar.size());
    }
    DataSegments segments = tar.segments().get();
    budget.hold((long) segments.count() * DataSegments.BYTES_PER_SEGMENT);
    return new SparseSlice(entry.layer().channel(), tar.offset(), tar.size(), segments);
  }

  private static Node device(
      TarEntry entry, Attributes attributes, long sequence, DeviceNode.Type type) {
    boolean negative = entry.major() < 0 || entry.minor() < 0;
    if (negative || entry.major() > DeviceNode.MAX_MAJOR || entry.minor() > DeviceNode.MAX_MINOR) {
      throw new IllegalArgumentException(
          "device " + entry.major() + ":" + entry.minor() + " is past the kernel's limits");
    }
    return new DeviceNode(attributes, sequence, type, (int) entry.major(), (int) entry.minor());
  }

  /**
   * The attributes of {@code entry}.
   *
   * @throws IllegalArgumentException where a field is out of its range
   */
  Attributes attributes(TarEntry entry) {
    // A link's own mode means nothing to the kernel, which always shows this one.
    boolean link = entry.type() == TarEntry.Type.SYMBOLIC_LINK;
    return new Attributes(
        link ? 0777 : entry.permissions(),
        entry.uid(),
        entry.gid(),
        entry.mtime(),
        xattrs(entry.xattrs()));
  }

  private Xattrs xattrs(Map<String, byte[]> values) {
    if (values.isEmpty()) {
      return Xattrs.NONE;
    }
    Map<String, byte[]> kept = new HashMap<>(values);
    kept.keySet().removeIf(EntryNodes::isHosts);
    for (Map.Entry<String, byte[]> xattr : kept.entrySet()) {
      check(xattr.getKey(), xattr.getValue());
      budget.hold(BYTES_PER_XATTR + xattr.getKey().length() + xattr.getValue().length);
    }
    return Xattrs.of(kept);
  }

  private static boolean isHosts(String name) {
    return HOSTS_XATTRS.contains(name) || HOSTS_PREFIXES.stream().anyMatch(name::startsWith);
  }

  private static void check(String key, byte[] value) {
    if (key.indexOf('\0') >= 0) {
      throw new IllegalArgumentException(
          "extended attribute \"" + displayed(key) + "\": NUL in its name");
    }
    if (key.isEmpty() || key.length() > Name.MAX_BYTES) {
      throw new IllegalArgumentException(
          "an extended attribute's name of "
              + key.length()
              + " bytes; a name has 1 to "
              + Name.MAX_BYTES);
    }
    if (value.length > MAX_XATTR_BYTES) {
      throw new IllegalArgumentException(
          "extended attribute \""
              + displayed(key)
              + "\": "
              + value.length
              + " bytes; at most "
              + MAX_XATTR_BYTES);
    }
  }

  private static String displayed(String key) {
    String cut = key.substring(0, Math.min(key.length(), Name.MAX_BYTES));
    return Name.text(cut.getBytes(StandardCharsets.ISO_8859_1));
  }
}
