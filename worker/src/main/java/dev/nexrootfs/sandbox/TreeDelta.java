package dev.nexrootfs.sandbox;

import dev.nexrootfs.sandbox.ScriptException.Reason;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
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
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a script changed, as a tree to lay over the one that it found: changed and new files, and a
 * whiteout for what it removed. Contents are compared, not times.
 *
 * <p>A file that is as it was is not in there, whatever the script did with it in between, so that
 * it stays where it is in images.
 */
final class TreeDelta {
  private static final String WHITEOUT = ".wh.";

  private final StagedTree staged;
  private final FileTree original;
  private final Instant limit;
  private final FileTree changes;

  /** What each file of afterwards was before, where it is as it was. */
  private final IdentityHashMap<Node, Node> kept = new IdentityHashMap<>();

  private final IdentityHashMap<Node, TreePath> keptAt = new IdentityHashMap<>();
  private final Set<Node> taken = Collections.newSetFromMap(new IdentityHashMap<>());

  /** Changed files by what they were made of, so that hard links stay links. */
  private final IdentityHashMap<Node, Node> copies = new IdentityHashMap<>();

  /** Files that have only a new name, and the path where they have been all the time. */
  private final IdentityHashMap<Node, TreePath> elsewhere = new IdentityHashMap<>();

  private TreeDelta(FileTree original, StagedTree staged, Directory after, Instant limit) {
    this.original = original;
    this.staged = staged;
    this.limit = limit;
    this.changes = new FileTree(after.attributes().mtime());
  }

  /**
   * The difference between {@code staged}, made of {@code original}, and {@code after}.
   *
   * @param limit no changed file is younger
   */
  static TreeDelta of(FileTree original, StagedTree staged, FileTree after, Instant limit)
      throws IOException {
    TreeDelta delta = new TreeDelta(original, staged, after.root(), limit);
    Directory before = staged.tree().root();
    delta.findKept(new Place(List.of(), before, after.root()));
    delta.addChanges(new Place(List.of(), before, after.root()), new Parent(delta, after.root()));
    return delta;
  }

  /** The changes, to be laid over the original. */
  FileTree changes() {
    return changes;
  }

  /** Nodes of the changes that are hard links to files of the original, and where those are. */
  IdentityHashMap<Node, TreePath> elsewhere() {
    return elsewhere;
  }

  /** A directory, before and afterwards. */
  private record Place(List<Name> path, @Nullable Directory before, Directory after) {
    List<Name> path(Name name) {
      List<Name> below = new ArrayList<>(path);
      below.add(name);
      return below;
    }

    @Nullable Node before(Name name) {
      return before == null ? null : before.get(name).orElse(null);
    }

    boolean isCovered(Name name) {
      return path.isEmpty() && StagedTree.COVERED.contains(name);
    }

    Place below(Name name, Directory directory) {
      return new Place(path(name), before(name) instanceof Directory was ? was : null, directory);
    }
  }

  /** A directory of the changes, which is made when something comes into it. */
  private static final class Parent {
    private final TreeDelta delta;
    private final @Nullable Parent above;
    private final @Nullable Name name;
    private final Directory after;
    private final boolean changed;
    private @Nullable Directory made;

    Parent(TreeDelta delta, Directory root) {
      this.delta = delta;
      this.above = null;
      this.name = null;
      this.after = root;
      this.changed = !sameAttributes(delta.staged.tree().root(), root);
    }

    Parent(Parent above, Name name, Directory after, boolean changed) {
      this.delta = above.delta;
      this.above = above;
      this.name = name;
      this.after = after;
      this.changed = changed;
    }

    Directory make(List<Name> path) throws IOException {
      Directory known = made;
      if (known != null) {
        return known;
      }
      Attributes attributes = delta.attributes(path, after, changed);
      Directory directory;
      if (above == null || name == null) {
        directory = delta.changes.root();
        directory.setAttributes(attributes);
      } else {
        directory = new Directory(attributes, delta.changes.nextSequence());
        above.make(path.subList(0, path.size() - 1)).put(name, directory);
      }
      made = directory;
      return directory;
    }
  }

  private void findKept(Place place) throws IOException {
    for (Map.Entry<Name, Node> entry : place.after().entries().entrySet()) {
      Name name = entry.getKey();
      Node node = entry.getValue();
      if (place.isCovered(name)) {
        continue;
      }
      Node before = place.before(name);
      if (node instanceof Directory directory) {
        findKept(place.below(name, directory));
      } else if (before != null
          && !kept.containsKey(node)
          && !taken.contains(before)
          && same(before, node)) {
        kept.put(node, before);
        keptAt.put(node, new TreePath(place.path(name)));
        taken.add(before);
      }
    }
  }

  private void addChanges(Place place, Parent parent) throws IOException {
    if (parent.changed) {
      parent.make(place.path());
    }
    for (Map.Entry<Name, Node> entry : place.after().entries().entrySet()) {
      if (!place.isCovered(entry.getKey())) {
        addChange(place, parent, entry.getKey(), entry.getValue());
      }
    }
    if (place.before() != null) {
      for (Name name : place.before().entries().keySet()) {
        if (place.after().get(name).isEmpty() && !place.isCovered(name)) {
          addWhiteout(place, parent, name);
        }
      }
    }
  }

  private void addChange(Place place, Parent parent, Name name, Node node) throws IOException {
    Node before = place.before(name);
    if (node instanceof Directory directory) {
      boolean changed = !(before instanceof Directory was) || !sameAttributes(was, directory);
      addChanges(place.below(name, directory), new Parent(parent, name, directory, changed));
      return;
    }
    Node was = kept.get(node);
    if (was != null && was == before) {
      return;
    }
    List<Name> path = place.path(name);
    Node copy = copies.get(node);
    if (copy == null) {
      copy = copy(path, node);
      copies.put(node, copy);
      TreePath at = keptAt.get(node);
      if (at != null) {
        elsewhere.put(copy, at);
      }
    }
    parent.make(place.path()).put(name, copy);
  }

  private Node copy(List<Name> path, Node node) throws IOException {
    Attributes attributes = attributes(path, node, true);
    long sequence = changes.nextSequence();
    if (node instanceof RegularFile file) {
      return new RegularFile(attributes, sequence, file.content());
    }
    if (node instanceof SymbolicLink link) {
      return new SymbolicLink(attributes, sequence, link.target());
    }
    DeviceNode device = (DeviceNode) node;
    return new DeviceNode(attributes, sequence, device.type(), device.major(), device.minor());
  }

  private void addWhiteout(Place place, Parent parent, Name name) throws IOException {
    byte[] prefix = WHITEOUT.getBytes(StandardCharsets.US_ASCII);
    byte[] bytes = java.util.Arrays.copyOf(prefix, prefix.length + name.length());
    System.arraycopy(name.bytes(), 0, bytes, prefix.length, name.length());
    if (bytes.length > Name.MAX_BYTES) {
      throw new ScriptException(
          Reason.TREE,
          new TreePath(place.path(name))
              + ": the script removed it, and no layer can say so of a name of "
              + name.length()
              + " bytes");
    }
    Attributes attributes = Attributes.of(0644, 0, 0, limit);
    parent
        .make(place.path())
        .put(
            Name.of(bytes),
            new RegularFile(attributes, changes.nextSequence(), new ByteContent(new byte[0])));
  }

  /** The attributes of what the script left, with those that did not go in put back. */
  private Attributes attributes(List<Name> path, Node node, boolean changed) throws IOException {
    Attributes left = node.attributes();
    Map<String, byte[]> xattrs = new HashMap<>(left.xattrs().asMap());
    Node before = original.find(new TreePath(path)).orElse(null);
    if (before != null && before.getClass() == node.getClass()) {
      staged.heldXattrs(before).forEach(xattrs::putIfAbsent);
    }
    Instant time = changed && left.mtime().isAfter(limit) ? limit : left.mtime();
    return new Attributes(left.permissions(), left.uid(), left.gid(), time, Xattrs.of(xattrs));
  }

  private static boolean same(Node before, Node after) throws IOException {
    if (before.getClass() != after.getClass() || !sameAttributes(before, after)) {
      return false;
    }
    if (before instanceof RegularFile was && after instanceof RegularFile is) {
      return SameContent.of(was.content(), is.content());
    }
    if (before instanceof SymbolicLink was && after instanceof SymbolicLink is) {
      return java.util.Arrays.equals(was.target(), is.target());
    }
    return !(before instanceof DeviceNode was)
        || (after instanceof DeviceNode is
            && was.type() == is.type()
            && was.major() == is.major()
            && was.minor() == is.minor());
  }

  private static boolean sameAttributes(Node before, Node after) {
    Attributes was = before.attributes();
    Attributes is = after.attributes();
    return was.permissions() == is.permissions()
        && was.uid() == is.uid()
        && was.gid() == is.gid()
        && was.mtime().equals(is.mtime())
        && sameXattrs(was.xattrs().asMap(), is.xattrs().asMap());
  }

  private static boolean sameXattrs(Map<String, byte[]> was, Map<String, byte[]> is) {
    return was.keySet().equals(is.keySet())
        && was.entrySet().stream()
            .allMatch(xattr -> java.util.Arrays.equals(xattr.getValue(), is.get(xattr.getKey())));
  }
}
