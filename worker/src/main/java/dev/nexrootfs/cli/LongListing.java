package dev.nexrootfs.cli;

import dev.nexrootfs.ext4.read.Ext4Reader;
import dev.nexrootfs.ext4.read.StoredInode;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Lists an image as {@code ls -lnR} does, with names of attributes below their file. */
final class LongListing {
  private final Ext4Reader reader;
  private final PrintWriter out;
  private final long maxNames;
  private final Set<Long> entered = new HashSet<>();

  LongListing(Ext4Reader reader, PrintWriter out, long maxNames) {
    this.reader = reader;
    this.out = out;
    this.maxNames = maxNames;
  }

  /** A directory that is still to be listed. */
  private record Pending(StoredInode directory, String path, int bytes) {}

  /** Lists {@code inode}, which stands at {@code path}: what is in a directory, or the file. */
  void list(StoredInode inode, TreePath path) throws IOException, CommandFailure {
    if (inode.type() != StoredInode.Type.DIRECTORY) {
      ListingTable.print(out, List.of(line(inode, path.toString())));
      return;
    }
    Deque<Pending> pending = new ArrayDeque<>();
    pending.push(new Pending(inode, path.isRoot() ? "" : path.toString(), 0));
    boolean isFirst = true;
    while (!pending.isEmpty() && !out.checkError()) {
      Pending next = pending.pop();
      if (!entered.add(next.directory.ino())) {
        throw new CommandFailure(
            next.path + ": is a second name of a directory, inode " + next.directory.ino());
      }
      out.print(isFirst ? "" : "\n");
      isFirst = false;
      out.println((next.path.isEmpty() ? "/" : next.path) + ":");
      below(next).forEach(pending::push);
    }
  }

  /** Prints one directory; the directories in it, the last first. */
  private List<Pending> below(Pending parent) throws IOException, CommandFailure {
    List<ListingTable.Line> lines = new ArrayList<>();
    Deque<Pending> below = new ArrayDeque<>();
    for (Map.Entry<Name, StoredInode> entry :
        reader.entries(parent.directory, maxNames).entrySet()) {
      Name name = entry.getKey();
      StoredInode inode = entry.getValue();
      lines.add(line(inode, name.toString()));
      if (inode.type() == StoredInode.Type.DIRECTORY) {
        int bytes = parent.bytes + 1 + name.length();
        if (bytes > TreePath.MAX_BYTES) {
          throw new CommandFailure(
              parent.path + ": the paths below have more than " + TreePath.MAX_BYTES + " bytes");
        }
        below.push(new Pending(inode, parent.path + "/" + name, bytes));
      }
    }
    ListingTable.print(out, lines);
    return List.copyOf(below);
  }

  private ListingTable.Line line(StoredInode inode, String name) throws IOException {
    StoredInode.Type type = inode.type();
    boolean isDevice =
        type == StoredInode.Type.CHARACTER_DEVICE || type == StoredInode.Type.BLOCK_DEVICE;
    String shown =
        type == StoredInode.Type.SYMBOLIC_LINK
            ? name + " -> " + Name.text(reader.target(inode))
            : name;
    List<String> attributes = new ArrayList<>();
    for (Map.Entry<String, byte[]> entry : reader.xattrs(inode).asMap().entrySet()) {
      attributes.add(entry.getKey() + " " + entry.getValue().length);
    }
    String[] fields = {
      ListingTable.mode(type.letter(), inode.mode()) + (attributes.isEmpty() ? "" : "+"),
      Integer.toString(inode.links()),
      Long.toString(inode.uid()),
      Long.toString(inode.gid()),
      isDevice ? inode.major() + ", " + inode.minor() : Long.toString(inode.size()),
      inode.mtime().toString()
    };
    return new ListingTable.Line(fields, shown, attributes);
  }
}
