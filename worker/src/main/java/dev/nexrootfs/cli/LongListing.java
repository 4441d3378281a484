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
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** Lists an image as {@code ls -lnR} does, with names of attributes below their file. */
final class LongListing {
  private static final String PERMISSIONS = "rwxrwxrwx";

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

  /** One line, its fields not yet aligned. */
  private record Line(String[] fields, String name, List<String> attributes) {}

  /** Lists {@code inode}, which stands at {@code path}: what is in a directory, or the file. */
  void list(StoredInode inode, TreePath path) throws IOException, CommandFailure {
    if (inode.type() != StoredInode.Type.DIRECTORY) {
      print(List.of(line(inode, path.toString())));
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
    List<Line> lines = new ArrayList<>();
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
    print(lines);
    return List.copyOf(below);
  }

  private Line line(StoredInode inode, String name) throws IOException {
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
      mode(inode) + (attributes.isEmpty() ? "" : "+"),
      Integer.toString(inode.links()),
      Long.toString(inode.uid()),
      Long.toString(inode.gid()),
      isDevice ? inode.major() + ", " + inode.minor() : Long.toString(inode.size()),
      inode.mtime().toString()
    };
    return new Line(fields, shown, attributes);
  }

  private void print(List<Line> lines) {
    int[] widths = new int[6];
    for (Line line : lines) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], line.fields[i].length());
      }
    }
    // Numbers to the right; mode and time to the left.
    String format =
        String.format(
            Locale.ROOT,
            "%%-%ds %%%ds %%%ds %%%ds %%%ds %%-%ds %%s%%n",
            widths[0],
            widths[1],
            widths[2],
            widths[3],
            widths[4],
            widths[5]);
    for (Line line : lines) {
      String[] f = line.fields;
      out.printf(Locale.ROOT, format, f[0], f[1], f[2], f[3], f[4], f[5], line.name);
      line.attributes.forEach(attribute -> out.println("\t" + Name.text(latin1(attribute))));
    }
  }

  private static byte[] latin1(String text) {
    return text.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
  }

  /** Like {@code drwxr-sr-t}. */
  private static String mode(StoredInode inode) throws IOException {
    int mode = inode.mode();
    StringBuilder text = new StringBuilder().append(inode.type().letter());
    for (int i = 0; i < PERMISSIONS.length(); i++) {
      text.append((mode & 0400 >> i) != 0 ? PERMISSIONS.charAt(i) : '-');
    }
    special(text, 3, (mode & 04000) != 0, 's');
    special(text, 6, (mode & 02000) != 0, 's');
    special(text, 9, (mode & 01000) != 0, 't');
    return text.toString();
  }

  private static void special(StringBuilder text, int at, boolean isSet, char letter) {
    if (isSet) {
      text.setCharAt(at, text.charAt(at) == 'x' ? letter : Character.toUpperCase(letter));
    }
  }
}
