package dev.nexrootfs.layer;

import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.TreePath;
import java.util.HashMap;
import java.util.Map;

/** Paths that are looked for by what is at or below them. */
final class PathSet {
  /** What each component takes in memory. */
  static final int BYTES_PER_COMPONENT = 256;

  private final Map<Name, PathSet> below = new HashMap<>(2);
  private boolean isMember;

  void add(TreePath path) {
    PathSet at = this;
    for (Name name : path.names()) {
      at = at.below.computeIfAbsent(name, key -> new PathSet());
    }
    at.isMember = true;
  }

  /** Whether {@code path} or a directory above it is in the set. */
  boolean covers(TreePath path) {
    PathSet at = this;
    for (Name name : path.names()) {
      PathSet next = at.below.get(name);
      if (at.isMember || next == null) {
        return at.isMember;
      }
      at = next;
    }
    return at.isMember;
  }

  boolean isEmpty() {
    return below.isEmpty() && !isMember;
  }
}
