package dev.nexrootfs.sandbox;

import dev.nexrootfs.sandbox.ScriptException.Reason;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Content.DataRange;
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
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A tree as a sandbox can take it. What no namespace can hold is kept aside, with a placeholder
 * that a script can move over or remove: devices, and attributes that only the machine's root may
 * set.
 */
final class StagedTree {
  /** What is covered while a script runs; nothing of it comes out of a sandbox. */
  static final Set<Name> COVERED =
      Set.of(Name.of("proc"), Name.of("sys"), Name.of("dev"), Name.of("run"), Name.of("tmp"));

  private static final long MAX_ID = IdMap.COUNT - 1;
  private static final long BLOCK = 4096;
  private static final long MAX_HOST_FILE = 1 << 16;
  private static final String CAPABILITY = "security.capability";

  /** VFS_CAP_REVISION_2; those of other revisions belong to a user namespace. */
  private static final int CAPABILITY_BYTES = 20;

  // linux/posix_acl_xattr.h
  private static final int ACL_HEADER_BYTES = 4;
  private static final int ACL_ENTRY_BYTES = 8;
  private static final int ACL_USER = 2;
  private static final int ACL_GROUP = 8;

  private final FileTree tree;
  private final boolean userXattrs;
  private final IdentityHashMap<Node, Node> copies = new IdentityHashMap<>();
  private long bytes;
  private long files;

  private StagedTree(FileTree original, boolean userXattrs) {
    this.tree = new FileTree(original.root().attributes().mtime());
    this.userXattrs = userXattrs;
  }

  /**
   * {@code original} for a sandbox.
   *
   * @param userXattrs whether the sandbox's file system holds attributes of users
   * @param network whether the script finds names as this machine does; what it leaves of that as
   *     it was is not in the tree afterwards
   * @throws ScriptException where an owner is none that a sandbox has
   */
  static StagedTree of(FileTree original, boolean userXattrs, boolean network) throws IOException {
    StagedTree staged = new StagedTree(original, userXattrs);
    staged.copy(original.root());
    staged.addCovered();
    if (network) {
      staged.addHostFile("hosts");
      staged.addHostFile("resolv.conf");
    }
    return staged;
  }

  FileTree tree() {
    return tree;
  }

  /** What the tree takes of a disk. */
  long bytes() {
    return bytes;
  }

  /** How many files it has, hard links among them. */
  long files() {
    return files;
  }

  /** A directory that is being copied. */
  private record Open(Directory from, Directory to, List<Name> path) {}

  private void copy(Directory root) throws ScriptException {
    tree.root().setAttributes(attributes(root, List.of()));
    Deque<Open> open = new ArrayDeque<>();
    open.push(new Open(root, tree.root(), List.of()));
    while (!open.isEmpty()) {
      Open current = open.pop();
      for (Map.Entry<Name, Node> entry : current.from().entries().entrySet()) {
        List<Name> path = new java.util.ArrayList<>(current.path());
        path.add(entry.getKey());
        files++;
        if (entry.getValue() instanceof Directory below) {
          Directory copy = new Directory(attributes(below, path), tree.nextSequence());
          current.to().put(entry.getKey(), copy);
          open.push(new Open(below, copy, path));
        } else {
          current.to().put(entry.getKey(), copyOnce(entry.getValue(), path));
        }
      }
    }
  }

  private Node copyOnce(Node node, List<Name> path) throws ScriptException {
    Node known = copies.get(node);
    if (known != null) {
      return known;
    }
    Node copy = copyOf(node, path);
    copies.put(node, copy);
    return copy;
  }

  private Node copyOf(Node node, List<Name> path) throws ScriptException {
    Attributes attributes = attributes(node, path);
    long sequence = tree.nextSequence();
    if (node instanceof RegularFile file) {
      for (DataRange range : file.content().dataRanges()) {
        bytes += (range.length() + 2 * BLOCK - 1) / BLOCK * BLOCK;
      }
      return new RegularFile(attributes, sequence, file.content());
    }
    if (node instanceof SymbolicLink link) {
      return new SymbolicLink(attributes, sequence, link.target());
    }
    boolean isFifo = node instanceof DeviceNode device && device.type() == DeviceNode.Type.FIFO;
    return isFifo
        ? new DeviceNode(attributes, sequence, DeviceNode.Type.FIFO, 0, 0)
        : new RegularFile(attributes, sequence, new ByteContent(new byte[0]));
  }

  /** What is covered has to be a directory. */
  private void addCovered() {
    for (Name name : COVERED) {
      if (!(tree.root().get(name).orElse(null) instanceof Directory)) {
        Attributes attributes = Attributes.of(0755, 0, 0, tree.root().attributes().mtime());
        tree.root().put(name, new Directory(attributes, tree.nextSequence()));
      }
    }
  }

  private void addHostFile(String name) throws IOException {
    Path file = Path.of("/etc", name);
    if (tree.root().get(Name.of("etc")).orElse(null) instanceof Directory etc
        && Files.isReadable(file)
        && Files.size(file) <= MAX_HOST_FILE) {
      Attributes attributes = Attributes.of(0644, 0, 0, etc.attributes().mtime());
      ByteContent content = new ByteContent(Files.readAllBytes(file));
      etc.put(Name.of(name), new RegularFile(attributes, tree.nextSequence(), content));
    }
  }

  private Attributes attributes(Node node, List<Name> path) throws ScriptException {
    Attributes all = node.attributes();
    checkId("uid", all.uid(), path);
    checkId("gid", all.gid(), path);
    Map<String, byte[]> kept = new HashMap<>();
    for (Map.Entry<String, byte[]> xattr : all.xattrs().asMap().entrySet()) {
      if (goesIn(node, xattr.getKey(), xattr.getValue())) {
        kept.put(xattr.getKey(), xattr.getValue());
      }
      if (xattr.getKey().startsWith("system.posix_acl_")) {
        checkAcl(xattr.getValue(), path);
      }
    }
    return new Attributes(all.permissions(), all.uid(), all.gid(), all.mtime(), Xattrs.of(kept));
  }

  private boolean goesIn(Node node, String name, byte[] value) {
    boolean isFile = node instanceof RegularFile;
    if (name.equals(CAPABILITY)) {
      return isFile && value.length == CAPABILITY_BYTES;
    }
    boolean canHave = isFile || node instanceof Directory;
    return canHave
        && (name.startsWith("system.posix_acl_") || (userXattrs && name.startsWith("user.")));
  }

  /** The attributes of {@code node} that did not go in. */
  Map<String, byte[]> heldXattrs(Node node) {
    Map<String, byte[]> held = new HashMap<>(node.attributes().xattrs().asMap());
    held.entrySet().removeIf(xattr -> goesIn(node, xattr.getKey(), xattr.getValue()));
    return held;
  }

  private static void checkAcl(byte[] acl, List<Name> path) throws ScriptException {
    ByteBuffer entries = ByteBuffer.wrap(acl).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = ACL_HEADER_BYTES; at + ACL_ENTRY_BYTES <= acl.length; at += ACL_ENTRY_BYTES) {
      int tag = entries.getShort(at);
      if (tag == ACL_USER || tag == ACL_GROUP) {
        checkId("an id of its ACL", entries.getInt(at + 4) & 0xFFFF_FFFFL, path);
      }
    }
  }

  private static void checkId(String field, long id, List<Name> path) throws ScriptException {
    if (id > MAX_ID) {
      throw new ScriptException(
          Reason.TREE,
          new TreePath(path)
              + ": "
              + field
              + " "
              + id
              + "; where a script runs, ids are 0 to "
              + MAX_ID
              + ". Give it to an owner below that, or do the script's work in the base image");
    }
  }
}
