package dev.nexrootfs.layer;

import dev.nexrootfs.tar.TarEntry;
import dev.nexrootfs.tar.TarException;
import dev.nexrootfs.tar.TarReader;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import dev.nexrootfs.tree.TreePath;
import dev.nexrootfs.tree.Xattrs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Layers, lowest first, become one tree (image-spec, layer.md).
 *
 * <p>The whiteouts of a layer are applied to the tree below before any of its entries is added: so
 * they never remove what the layer itself brings, wherever in the archive they stand. A directory
 * over a directory takes the new attributes and keeps the children; anything else replaces. Parents
 * that are symbolic links are followed inside the tree.
 */
public final class LayerMerge {
  /** Most entries of all layers of an image. */
  public static final int MAX_ENTRIES = 5_000_000;

  /** Bytes of a value that the kernel takes at most (XATTR_SIZE_MAX). */
  private static final int MAX_XATTR_BYTES = 1 << 16;

  /** They are held in memory. */
  private static final int MAX_ALL_XATTR_BYTES = 1 << 24;

  /** Rounds of links to links that come later. */
  private static final int MAX_LINK_ROUNDS = 40;

  /** A node takes a few hundred bytes, here and in the plan. */
  private static final long BYTES_PER_NODE = 768;

  private final FileTree tree =
      new FileTree(
          Instant.EPOCH, Math.min(MAX_ENTRIES, Runtime.getRuntime().maxMemory() / BYTES_PER_NODE));
  private long entries;
  private long xattrBytes;

  /**
   * A link whose target had not come when it was read.
   *
   * @param sequence tells what came later under the link's name
   */
  private record PendingLink(TarEntry entry, TreePath path, long sequence) {}

  /** A whiteout as it was read. */
  private record PendingWhiteout(TarEntry entry, TreePath path) {}

  /** The tree of the layers so far. */
  public FileTree tree() {
    return tree;
  }

  /**
   * Adds a layer on top.
   *
   * @throws InvalidLayerException where the layer is malformed or holds an entry that no tree can
   *     hold; the message names layer, entry and field
   */
  public void add(DecodedLayer layer) throws IOException {
    tree.beginLayer();
    try {
      applyWhiteouts(layer);
      addEntries(layer);
    } catch (TarException e) {
      throw new InvalidLayerException("layer " + layer.diffId() + ": " + e.getMessage(), e);
    }
  }

  private void applyWhiteouts(DecodedLayer layer) throws IOException {
    TarReader reader = new TarReader(layer.channel());
    List<PendingWhiteout> whiteouts = new ArrayList<>();
    Set<TreePath> replacedLinks = new HashSet<>();
    for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
      TarEntry entry = next.get();
      if (++entries > MAX_ENTRIES) {
        throw invalid(layer, entry, "the image has more than " + MAX_ENTRIES + " entries", null);
      }
      TreePath path = pathOf(layer, entry);
      if (Whiteout.is(path)) {
        // What is kept until the end of the layer counts as a node, for it takes as much memory.
        tree.nextSequence();
        whiteouts.add(new PendingWhiteout(entry, path));
      } else if (entry.type() == TarEntry.Type.DIRECTORY && isLink(path)) {
        replacedLinks.add(path);
      }
    }
    for (PendingWhiteout whiteout : whiteouts) {
      // Below a directory that takes the place of a link there is nothing yet, and the link's
      // target is another place.
      if (!isBelow(whiteout.path(), replacedLinks)) {
        apply(layer, whiteout.entry(), whiteout.path());
      }
    }
  }

  private boolean isLink(TreePath path) {
    try {
      return tree.find(path).orElse(null) instanceof SymbolicLink;
    } catch (IOException e) {
      // A parent that cannot be resolved is an error where the entry is added.
      return false;
    }
  }

  private static boolean isBelow(TreePath path, Set<TreePath> directories) {
    for (TreePath at = path; !directories.isEmpty() && !at.isRoot(); at = at.parent()) {
      if (directories.contains(at)) {
        return true;
      }
    }
    return false;
  }

  private void apply(DecodedLayer layer, TarEntry entry, TreePath path) throws IOException {
    try {
      Optional<Whiteout> whiteout = Whiteout.of(path);
      if (whiteout.isEmpty()) {
        return;
      }
      Optional<Directory> directory = tree.findDirectory(whiteout.get().directory());
      if (directory.isEmpty()) {
        return;
      }
      Optional<Name> removed = whiteout.get().removed();
      if (removed.isPresent()) {
        tree.remove(directory.get(), removed.get());
      } else {
        tree.clear(directory.get());
      }
    } catch (IllegalArgumentException | IOException e) {
      throw invalid(layer, entry, "whiteout: " + e.getMessage(), e);
    }
  }

  private void addEntries(DecodedLayer layer) throws IOException {
    TarReader reader = new TarReader(layer.channel());
    List<PendingLink> pending = new ArrayList<>();
    for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
      TarEntry entry = next.get();
      TreePath path = pathOf(layer, entry);
      if (Whiteout.is(path)) {
        continue;
      }
      if (entry.type() == TarEntry.Type.HARD_LINK) {
        if (!addLink(layer, entry, path)) {
          pending.add(new PendingLink(entry, path, tree.nextSequence()));
        }
      } else {
        addEntry(layer, entry, path);
      }
    }
    addPending(layer, pending);
  }

  /** Adds links whose targets came later, or are such links themselves. */
  private void addPending(DecodedLayer layer, List<PendingLink> pending) throws IOException {
    List<PendingLink> left = pending;
    for (int round = 0; !left.isEmpty(); round++) {
      List<PendingLink> missing = new ArrayList<>();
      for (PendingLink link : left) {
        Optional<Node> present = tree.find(link.path());
        boolean replaced = present.isPresent() && present.get().sequence() > link.sequence();
        if (!replaced && !addLink(layer, link.entry(), link.path())) {
          missing.add(link);
        }
      }
      if (missing.size() == left.size() || round == MAX_LINK_ROUNDS) {
        TarEntry entry = missing.get(0).entry();
        throw invalid(
            layer,
            entry,
            "hard link to " + Name.text(entry.linkName()) + ", which does not exist",
            null);
      }
      left = missing;
    }
  }

  private void addEntry(DecodedLayer layer, TarEntry entry, TreePath path) throws IOException {
    try {
      Attributes attributes = attributes(entry);
      if (path.isRoot()) {
        if (entry.type() != TarEntry.Type.DIRECTORY) {
          throw invalid(layer, entry, "the root is not a directory", null);
        }
        tree.root().setAttributes(attributes);
        return;
      }
      Directory parent = tree.makeDirectories(path.parent(), Instant.EPOCH);
      Optional<Node> present = parent.get(path.last());
      if (entry.type() == TarEntry.Type.DIRECTORY
          && present.isPresent()
          && present.get() instanceof Directory directory) {
        directory.setAttributes(attributes);
        return;
      }
      tree.put(parent, path.last(), node(layer, entry, attributes));
    } catch (InvalidLayerException e) {
      throw e;
    } catch (IllegalArgumentException | IOException e) {
      throw invalid(layer, entry, e.getMessage(), e);
    }
  }

  private Node node(DecodedLayer layer, TarEntry entry, Attributes attributes) {
    long sequence = tree.nextSequence();
    return switch (entry.type()) {
      case REGULAR ->
          new RegularFile(
              attributes, sequence, new FileSlice(layer.channel(), entry.offset(), entry.size()));
      case DIRECTORY -> new Directory(attributes, sequence);
      case SYMBOLIC_LINK -> new SymbolicLink(attributes, sequence, entry.linkName());
      case CHARACTER_DEVICE -> device(entry, attributes, sequence, DeviceNode.Type.CHARACTER);
      case BLOCK_DEVICE -> device(entry, attributes, sequence, DeviceNode.Type.BLOCK);
      case FIFO -> new DeviceNode(attributes, sequence, DeviceNode.Type.FIFO, 0, 0);
      case HARD_LINK -> throw new IllegalStateException("a hard link is no node");
    };
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
   * Gives the target a second name; false where the target is not there. The entry's attributes do
   * not count.
   */
  private boolean addLink(DecodedLayer layer, TarEntry entry, TreePath path) throws IOException {
    try {
      Optional<Node> target = tree.find(TreePath.parse(entry.linkName()));
      if (target.isEmpty()) {
        return false;
      }
      if (target.get() instanceof Directory) {
        throw invalid(
            layer, entry, "hard link to the directory " + Name.text(entry.linkName()), null);
      }
      if (path.isRoot()) {
        throw invalid(layer, entry, "the root is a hard link", null);
      }
      tree.put(tree.makeDirectories(path.parent(), Instant.EPOCH), path.last(), target.get());
      return true;
    } catch (InvalidLayerException e) {
      throw e;
    } catch (IllegalArgumentException | IOException e) {
      throw invalid(
          layer, entry, "hard link to " + Name.text(entry.linkName()) + ": " + e.getMessage(), e);
    }
  }

  private Attributes attributes(TarEntry entry) {
    for (Map.Entry<String, byte[]> xattr : entry.xattrs().entrySet()) {
      String name = Name.text(xattr.getKey().getBytes(StandardCharsets.ISO_8859_1));
      if (xattr.getKey().indexOf('\0') >= 0) {
        throw new IllegalArgumentException("extended attribute \"" + name + "\": NUL in its name");
      }
      if (xattr.getValue().length > MAX_XATTR_BYTES) {
        throw new IllegalArgumentException(
            "extended attribute \""
                + name
                + "\": "
                + xattr.getValue().length
                + " bytes; at most "
                + MAX_XATTR_BYTES);
      }
    }
    xattrBytes += entry.xattrs().values().stream().mapToLong(value -> value.length).sum();
    if (xattrBytes > MAX_ALL_XATTR_BYTES) {
      throw new IllegalArgumentException(
          "the image's extended attributes have more than " + MAX_ALL_XATTR_BYTES + " bytes");
    }
    // A link's own mode means nothing to the kernel, which always shows this one.
    boolean link = entry.type() == TarEntry.Type.SYMBOLIC_LINK;
    return new Attributes(
        link ? 0777 : entry.permissions(),
        entry.uid(),
        entry.gid(),
        entry.mtime(),
        Xattrs.of(entry.xattrs()));
  }

  private static TreePath pathOf(DecodedLayer layer, TarEntry entry) throws InvalidLayerException {
    // A lone slash is the root itself, as some builders name its entry.
    boolean absolute = entry.name().length > 1 && entry.name()[0] == '/';
    if (entry.name().length == 0 || absolute) {
      throw invalid(
          layer, entry, "the name is empty or absolute; names are relative to the root", null);
    }
    try {
      return TreePath.parse(entry.name());
    } catch (IllegalArgumentException e) {
      throw invalid(layer, entry, e.getMessage(), e);
    }
  }

  private static InvalidLayerException invalid(
      DecodedLayer layer,
      TarEntry entry,
      @org.jspecify.annotations.Nullable String what,
      @org.jspecify.annotations.Nullable Throwable cause) {
    return new InvalidLayerException(
        "layer " + layer.diffId() + ", entry \"" + entry.displayName() + "\": " + what, cause);
  }
}
