package dev.nexrootfs.ext4.read;

import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;

/**
 * Reads a directory and all below it. Each directory is entered once, and all maps together may
 * have no more blocks than the file system: so neither a loop nor blocks that many files claim can
 * make the work larger than the image.
 */
final class TreeReader {
  /** Attributes are held in memory; many inodes may share one block of them. */
  private static final long MAX_XATTR_BYTES = 1 << 25;

  private final Volume volume;
  private final NodeReader nodes;
  private final long maxNames;
  private final Ext4Reader.LeftOut leftOut;
  private final Map<Long, Node> byIno = new HashMap<>();
  private final Deque<Pending> pending = new ArrayDeque<>();
  private long names;
  private long blocks;
  private long xattrBytes;

  /** A directory whose entries are still to be read. */
  private record Pending(Directory directory, StoredInode inode, String path, int pathBytes) {}

  TreeReader(Volume volume, long maxNames, Ext4Reader.LeftOut leftOut) {
    this.volume = volume;
    this.nodes = new NodeReader(volume);
    this.maxNames = maxNames;
    this.leftOut = leftOut;
  }

  /** The tree whose root is {@code top}. */
  FileTree read(StoredInode top) throws IOException {
    FileTree tree = new FileTree(top.mtime());
    tree.root().setAttributes(nodes.attributes(top));
    byIno.put(top.ino(), tree.root());
    countBlocks(top);
    pending.push(new Pending(tree.root(), top, "", 0));
    while (!pending.isEmpty()) {
      Pending next = pending.pop();
      DirectoryBlocks.walk(
          volume,
          next.inode,
          (index, bytes) -> {
            String where = next.inode.where() + ": directory block " + index;
            for (DirectoryEntry entry : DirectoryEntry.decode(volume, bytes, where)) {
              if (!(index == 0 && (entry.isDot() || entry.isDotDot()))) {
                add(tree, next, entry);
              }
            }
          });
    }
    return tree;
  }

  private void add(FileTree tree, Pending parent, DirectoryEntry entry) throws IOException {
    Name name = name(parent.inode, entry);
    String path = parent.path + "/" + name;
    int pathBytes = parent.pathBytes + 1 + name.length();
    if (pathBytes > TreePath.MAX_BYTES) {
      throw new UnreadableImageException(
          parent.inode.where(), "has a path of", pathBytes, "at most " + TreePath.MAX_BYTES);
    }
    if (++names > maxNames) {
      throw new UnreadableImageException(
          path,
          "is one name too many:",
          names,
          "at most " + maxNames + ", which is what this program's memory can hold");
    }
    if (parent.directory.get(name).isPresent()) {
      throw new UnreadableImageException(parent.inode.where(), "has twice the name", path, "");
    }
    Node known = byIno.get(entry.ino());
    if (known instanceof Directory) {
      throw new UnreadableImageException(
          path, "is a second name of a directory: inode", entry.ino(), "");
    }
    if (known != null) {
      parent.directory.put(name, known);
      return;
    }
    StoredInode inode = volume.inode(entry.ino(), path);
    if (inode.links() == 0) {
      throw new UnreadableImageException(
          path, "names an inode that is not in use:", entry.ino(), "");
    }
    if (inode.is(StoredInode.Type.SOCKET)) {
      leftOut.accept(path + ": is a socket, which a tree and an archive cannot hold");
      return;
    }
    Node node = nodes.node(inode, tree.nextSequence());
    countXattrs(node, path);
    if (hasBlocks(inode)) {
      countBlocks(inode);
    }
    byIno.put(entry.ino(), node);
    parent.directory.put(name, node);
    if (node instanceof Directory directory) {
      pending.push(new Pending(directory, inode, path, pathBytes));
    }
  }

  /** The name of {@code entry}, checked. */
  static Name name(StoredInode parent, DirectoryEntry entry) throws UnreadableImageException {
    try {
      return Name.of(entry.name());
    } catch (IllegalArgumentException e) {
      throw new UnreadableImageException(parent.where(), String.valueOf(e.getMessage()), "", "");
    }
  }

  private void countXattrs(Node node, String path) throws UnreadableImageException {
    for (Map.Entry<String, byte[]> entry : node.attributes().xattrs().asMap().entrySet()) {
      xattrBytes += entry.getKey().length() + entry.getValue().length;
    }
    if (xattrBytes > MAX_XATTR_BYTES) {
      throw new UnreadableImageException(
          path,
          "and the files before it have attributes of",
          xattrBytes,
          "at most " + MAX_XATTR_BYTES);
    }
  }

  private static boolean hasBlocks(StoredInode inode) {
    return inode.is(StoredInode.Type.REGULAR)
        || inode.is(StoredInode.Type.DIRECTORY)
        || (inode.is(StoredInode.Type.SYMBOLIC_LINK)
            && inode.size() >= NodeReader.SHORT_SYMLINK_LIMIT);
  }

  private void countBlocks(StoredInode inode) throws IOException {
    BlockMap.of(volume, inode)
        .walk(
            new BlockMap.Visitor() {
              @Override
              public boolean mapBlock(long block) throws IOException {
                count(inode, 1);
                return true;
              }

              @Override
              public void run(BlockMap.Run run) throws IOException {
                count(inode, run.count());
              }
            });
  }

  private void count(StoredInode inode, long more) throws UnreadableImageException {
    blocks += more;
    if (blocks > volume.groups().blocks()) {
      throw new UnreadableImageException(
          inode.where(),
          "and the files before it have more blocks than the file system:",
          blocks,
          "at most " + volume.groups().blocks());
    }
  }
}
