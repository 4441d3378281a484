package dev.nexrootfs.build;

import dev.nexrootfs.protocol.Finding;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a guest adds to a tree. Nothing that the base has is replaced unless a method says so; paths
 * lead through the base's symbolic links, inside the tree.
 */
final class GuestOverlay {
  private final FileTree tree;
  private final Instant time;
  private final List<Finding> findings = new ArrayList<>();

  /** An overlay of {@code tree}; what it adds is of {@code time}. */
  GuestOverlay(FileTree tree, Instant time) {
    this.tree = tree;
    this.time = time;
  }

  FileTree tree() {
    return tree;
  }

  /** What the base lacks and this cannot give it, or what somebody should know of it. */
  List<Finding> findings() {
    return findings;
  }

  void note(String check, String path, String message) {
    findings.add(new Finding(Finding.Level.NOTE, check, path, message));
  }

  /** Whether {@code path} leads to anything. */
  boolean has(String path) throws IOException {
    return tree.resolve(TreePath.of(path)).isPresent();
  }

  /** Whether there is anything by this name, be it a link to nowhere. */
  boolean hasName(String path) throws IOException {
    return tree.find(TreePath.of(path)).isPresent();
  }

  /** The first of {@code paths} that leads to anything. */
  Optional<String> first(String... paths) throws IOException {
    for (String path : paths) {
      if (has(path)) {
        return Optional.of(path);
      }
    }
    return Optional.empty();
  }

  /** Adds a directory where there is none. */
  void directory(String path, int permissions, int id) throws IOException {
    if (!hasName(path)) {
      put(path, new Directory(attributes(permissions, id), tree.nextSequence()));
    }
  }

  /** Adds a text file of root's where there is none. */
  void file(String path, int permissions, String text) throws IOException {
    if (!hasName(path)) {
      replace(path, permissions, 0, ByteContent.of(text));
    }
  }

  /** Puts a file in place of whatever has its name. */
  void replace(String path, int permissions, int id, Content content) throws IOException {
    put(path, new RegularFile(attributes(permissions, id), tree.nextSequence(), content));
  }

  /** Adds a symbolic link where there is nothing. */
  void link(String path, String target) throws IOException {
    if (!hasName(path)) {
      replaceByLink(path, target);
    }
  }

  /** Puts a symbolic link in place of whatever file has its name. */
  void replaceByLink(String path, String target) throws IOException {
    byte[] bytes = target.getBytes(StandardCharsets.US_ASCII);
    put(path, new SymbolicLink(attributes(0777, 0), tree.nextSequence(), bytes));
  }

  /** Adds a character device where there is nothing. */
  void device(String path, int permissions, int major, int minor) throws IOException {
    if (!hasName(path)) {
      put(
          path,
          new DeviceNode(
              attributes(permissions, 0),
              tree.nextSequence(),
              DeviceNode.Type.CHARACTER,
              major,
              minor));
    }
  }

  /** A text file's bytes, one character for each; nothing where there is no file. */
  String text(String path) throws IOException {
    Optional<Node> present = tree.resolve(TreePath.of(path));
    return present.isPresent() ? SmallText.read(path, present.get()) : "";
  }

  /**
   * Gives a text file other bytes, one for each character, and leaves its mode and owner as they
   * are; one that is missing is made with {@code permissions}, root's.
   */
  void edit(String path, int permissions, String text) throws IOException {
    Optional<Node> present = tree.resolve(TreePath.of(path));
    Attributes attributes =
        present.isPresent() ? present.get().attributes() : attributes(permissions, 0);
    Content content = new ByteContent(text.getBytes(StandardCharsets.ISO_8859_1));
    put(path, new RegularFile(attributes, tree.nextSequence(), content));
  }

  /** Adds a line, with its end, to a text file, which is made where it is missing. */
  void append(String path, int permissions, String line) throws IOException {
    String text = text(path);
    edit(path, permissions, text + (text.isEmpty() || text.endsWith("\n") ? "" : "\n") + line);
  }

  /** Attributes of what is added. */
  Attributes attributes(int permissions, int id) {
    return Attributes.of(permissions, id, id, time);
  }

  private void put(String path, Node node) throws IOException {
    TreePath at = TreePath.of(path);
    if (!(node instanceof Directory) && tree.find(at).orElse(null) instanceof Directory) {
      throw new IOException(path + " is a directory");
    }
    tree.put(tree.makeDirectories(at.parent(), time), at.last(), node);
  }
}
