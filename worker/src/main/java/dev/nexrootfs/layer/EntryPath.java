package dev.nexrootfs.layer;

import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.TreePath;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A path as an archive has it, split before its last name. Slashes that begin or end it, and "."
 * components, count for nothing.
 */
final class EntryPath {
  private final byte[] bytes;

  /** Where the last name is; both 0 for the root. */
  private final int lastStart;

  private final int lastEnd;

  private EntryPath(byte[] bytes, int lastStart, int lastEnd) {
    this.bytes = bytes;
    this.lastStart = lastStart;
    this.lastEnd = lastEnd;
  }

  /**
   * The path of {@code bytes}.
   *
   * @throws IllegalArgumentException for no bytes, or more than a path has
   */
  static EntryPath of(byte[] bytes) {
    if (bytes.length == 0) {
      throw new IllegalArgumentException("the path is empty");
    }
    if (bytes.length > TreePath.MAX_BYTES) {
      throw new IllegalArgumentException(
          "path of " + bytes.length + " bytes; at most " + TreePath.MAX_BYTES);
    }
    int end = bytes.length;
    while (end > 0 && (bytes[end - 1] == '/' || isDot(bytes, end))) {
      end--;
    }
    int start = end;
    while (start > 0 && bytes[start - 1] != '/') {
      start--;
    }
    return new EntryPath(bytes, start, end);
  }

  private static boolean isDot(byte[] bytes, int end) {
    return bytes[end - 1] == '.' && (end == 1 || bytes[end - 2] == '/');
  }

  /** Whether it begins with a slash; the root is written so, too. */
  boolean isAbsolute() {
    return bytes[0] == '/' && !isRoot();
  }

  boolean isRoot() {
    return lastEnd == 0;
  }

  /**
   * The last name; the root has none.
   *
   * @throws IllegalArgumentException where no file can have it
   */
  Name last() {
    return Name.of(Arrays.copyOfRange(bytes, lastStart, lastEnd));
  }

  boolean isWhiteout() {
    return Whiteout.is(bytes, lastStart, lastEnd);
  }

  /** The bytes before the last name. */
  byte[] parent() {
    return Arrays.copyOf(bytes, lastStart);
  }

  boolean hasParent(byte[] other) {
    return Arrays.equals(bytes, 0, lastStart, other, 0, other.length);
  }

  /** The whole path. */
  TreePath path() {
    return TreePath.parse(bytes);
  }

  /** Tells paths apart that are not the same but for what counts for nothing. */
  String key() {
    return new String(path().toBytes(), StandardCharsets.ISO_8859_1);
  }
}
