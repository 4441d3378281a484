package dev.nexrootfs.layer;

import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.TreePath;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * An entry that removes from the layers below (image-spec, layer.md, Whiteouts).
 *
 * @param directory the directory that it is in
 * @param removed the name that goes; empty for an opaque whiteout, where all names go
 */
record Whiteout(TreePath directory, Optional<Name> removed) {
  private static final byte[] PREFIX = ".wh.".getBytes(StandardCharsets.US_ASCII);
  private static final Name OPAQUE = Name.of(".wh..wh..opq");

  /** Whether {@code path} is a whiteout, by its last name. */
  static boolean is(TreePath path) {
    return !path.isRoot() && startsWithPrefix(path.last().bytes());
  }

  /**
   * The whiteout of {@code path}; empty for AUFS's own files, which mean nothing here.
   *
   * @throws IllegalArgumentException where it removes no name that a file can have
   */
  static Optional<Whiteout> of(TreePath path) {
    if (path.last().equals(OPAQUE)) {
      return Optional.of(new Whiteout(path.parent(), Optional.empty()));
    }
    byte[] name = path.last().bytes();
    byte[] removed = Arrays.copyOfRange(name, PREFIX.length, name.length);
    if (startsWithPrefix(removed)) {
      return Optional.empty();
    }
    return Optional.of(new Whiteout(path.parent(), Optional.of(Name.of(removed))));
  }

  private static boolean startsWithPrefix(byte[] name) {
    return name.length >= PREFIX.length
        && Arrays.equals(name, 0, PREFIX.length, PREFIX, 0, PREFIX.length);
  }
}
