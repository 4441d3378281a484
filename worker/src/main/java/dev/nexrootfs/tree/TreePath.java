package dev.nexrootfs.tree;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A path from the root of a tree: names only, without ".", ".." and empty components.
 *
 * @param names the names from the root down; none for the root itself
 */
public record TreePath(List<Name> names) {
  /** Longest path, as the kernel's PATH_MAX. */
  public static final int MAX_BYTES = 4096;

  /** The root. */
  public static final TreePath ROOT = new TreePath(List.of());

  /** Copies the list. */
  public TreePath {
    names = List.copyOf(names);
  }

  /** The path of {@code text}, like {@code /etc/passwd}. */
  public static TreePath of(String text) {
    return parse(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  /**
   * The path of {@code bytes}: components between slashes; empty and "." ones are dropped.
   *
   * @throws IllegalArgumentException for "..", NUL, a component over 255 bytes, or a path over
   *     {@link #MAX_BYTES}
   */
  public static TreePath parse(byte[] bytes) {
    if (bytes.length > MAX_BYTES) {
      throw new IllegalArgumentException(
          "path of " + bytes.length + " bytes; at most " + MAX_BYTES);
    }
    List<Name> names = new ArrayList<>();
    int start = 0;
    for (int i = 0; i <= bytes.length; i++) {
      if (i < bytes.length && bytes[i] != '/') {
        continue;
      }
      int length = i - start;
      boolean dot = length == 1 && bytes[start] == '.';
      if (length > 0 && !dot) {
        names.add(Name.of(java.util.Arrays.copyOfRange(bytes, start, i)));
      }
      start = i + 1;
    }
    return new TreePath(names);
  }

  /** Whether this is the root. */
  public boolean isRoot() {
    return names.isEmpty();
  }

  /** The last name; the root has none. */
  public Name last() {
    return names.get(names.size() - 1);
  }

  /** The path without its last name. */
  public TreePath parent() {
    return new TreePath(names.subList(0, names.size() - 1));
  }

  /** The names with slashes between them, none before the first. */
  public byte[] toBytes() {
    java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
    for (Name name : names) {
      if (bytes.size() > 0) {
        bytes.write('/');
      }
      bytes.writeBytes(name.bytes());
    }
    return bytes.toByteArray();
  }

  @Override
  public String toString() {
    return names.stream().map(Name::toString).collect(Collectors.joining("/", "/", ""));
  }
}
