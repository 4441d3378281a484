package dev.nexrootfs.layer;

import dev.nexrootfs.tree.Name;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * An entry that removes from the layers below (image-spec, layer.md, Whiteouts).
 *
 * @param removed the name that goes from the whiteout's directory; empty for an opaque whiteout,
 *     where all names go
 */
record Whiteout(Optional<Name> removed) {
  private static final byte[] PREFIX = ".wh.".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] AUFS_PREFIX = ".wh..wh.".getBytes(StandardCharsets.US_ASCII);
  private static final Name OPAQUE = Name.of(".wh..wh..opq");

  /** Whether the name from {@code from} to {@code to} is a whiteout's. */
  static boolean is(byte[] bytes, int from, int to) {
    return startsWith(bytes, from, to, PREFIX);
  }

  static boolean is(Name name) {
    return is(name.bytes(), 0, name.length());
  }

  /** Whether {@code name} is that of a file or directory that AUFS keeps for itself. */
  static boolean isOfAufs(Name name) {
    return startsWith(name.bytes(), 0, name.length(), AUFS_PREFIX) && !name.equals(OPAQUE);
  }

  /**
   * The whiteout whose entry has the name {@code last}; empty for AUFS's own files, which mean
   * nothing here.
   *
   * @throws IllegalArgumentException where it removes no name that a file can have
   */
  static Optional<Whiteout> of(Name last) {
    if (last.equals(OPAQUE)) {
      return Optional.of(new Whiteout(Optional.empty()));
    }
    if (isOfAufs(last)) {
      return Optional.empty();
    }
    byte[] removed = Arrays.copyOfRange(last.bytes(), PREFIX.length, last.length());
    return Optional.of(new Whiteout(Optional.of(Name.of(removed))));
  }

  private static boolean startsWith(byte[] bytes, int from, int to, byte[] prefix) {
    return to - from >= prefix.length
        && Arrays.equals(bytes, from, from + prefix.length, prefix, 0, prefix.length);
  }
}
