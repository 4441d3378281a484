package dev.nexrootfs.oracle;

import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * A tree as lines to compare: by path (one character for a byte), one line with everything about
 * it. The same lines come from our tree, from debugfs, and from a directory of this machine.
 *
 * @param lines by path
 */
public record Listing(SortedMap<String, String> lines) {
  /**
   * One line.
   *
   * @param type as {@code find -printf %y}: f d l c b p
   * @param links of a directory 0
   * @param detail target of a link, numbers of a device, SHA-256 of a file
   */
  static String line(
      String type,
      int permissions,
      long uid,
      long gid,
      Instant mtime,
      long links,
      long size,
      String detail) {
    return String.format(
        "%s %04o %d:%d %d.%09d links=%d size=%d %s",
        type, permissions, uid, gid, mtime.getEpochSecond(), mtime.getNano(), links, size, detail);
  }

  /** The lines of {@code tree}. */
  public static Listing of(FileTree tree) throws IOException {
    IdentityHashMap<Node, Integer> links = new IdentityHashMap<>();
    count(tree.root(), links);
    TreeMap<String, String> lines = new TreeMap<>();
    add(tree.root(), "", links, lines);
    return new Listing(lines);
  }

  /** The paths whose lines differ, with both lines; at most ten. */
  public java.util.List<String> differences(Listing other) {
    java.util.TreeSet<String> paths = new java.util.TreeSet<>(lines.keySet());
    paths.addAll(other.lines.keySet());
    return paths.stream()
        .filter(path -> !java.util.Objects.equals(lines.get(path), other.lines.get(path)))
        .limit(10)
        .map(path -> path + "\n  " + lines.get(path) + "\n  " + other.lines.get(path) + "\n")
        .toList();
  }

  /** The same without what is at or below {@code path}. */
  public Listing without(String path) {
    TreeMap<String, String> rest = new TreeMap<>(lines);
    rest.keySet().removeIf(key -> key.equals(path) || key.startsWith(path + "/"));
    return new Listing(rest);
  }

  private static void count(Directory directory, IdentityHashMap<Node, Integer> links) {
    for (Node child : directory.entries().values()) {
      links.merge(child, 1, Integer::sum);
      if (child instanceof Directory below) {
        count(below, links);
      }
    }
  }

  private static void add(
      Node node, String path, Map<Node, Integer> links, SortedMap<String, String> lines)
      throws IOException {
    Attributes a = node.attributes();
    long count = node instanceof Directory ? 0 : links.getOrDefault(node, 0);
    String type;
    long size = 0;
    String detail = "";
    if (node instanceof Directory) {
      type = "d";
    } else if (node instanceof RegularFile file) {
      type = "f";
      size = file.content().size();
      detail = sha256(file.content());
    } else if (node instanceof SymbolicLink link) {
      type = "l";
      size = link.length();
      detail = new String(link.target(), StandardCharsets.ISO_8859_1);
    } else {
      DeviceNode device = (DeviceNode) node;
      type =
          device.type() == DeviceNode.Type.FIFO
              ? "p"
              : device.type() == DeviceNode.Type.BLOCK ? "b" : "c";
      detail = device.type() == DeviceNode.Type.FIFO ? "" : device.major() + ":" + device.minor();
    }
    lines.put(path, line(type, a.permissions(), a.uid(), a.gid(), a.mtime(), count, size, detail));
    if (node instanceof Directory directory) {
      for (Map.Entry<Name, Node> entry : directory.entries().entrySet()) {
        String name = new String(entry.getKey().bytes(), StandardCharsets.ISO_8859_1);
        add(entry.getValue(), path.isEmpty() ? name : path + "/" + name, links, lines);
      }
    }
  }

  /** The SHA-256 of {@code content}, in hex. */
  public static String sha256(Content content) throws IOException {
    MessageDigest digest = newSha256();
    ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
    for (long at = 0; at < content.size(); at += buffer.limit()) {
      buffer.clear().limit((int) Math.min(buffer.capacity(), content.size() - at));
      content.read(at, buffer);
      digest.update(buffer.flip());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  static MessageDigest newSha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
