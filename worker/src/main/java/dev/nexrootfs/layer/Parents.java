package dev.nexrootfs.layer;

import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Finds the directories that entries are in. The last one is remembered, for the next entry is
 * mostly beside it; a change that could turn its path elsewhere makes it forgotten.
 */
final class Parents {
  private final FileTree tree;
  private final MergeBudget budget;
  private byte[] parent = new byte[0];
  private @Nullable Directory directory;
  private long turns;

  Parents(FileTree tree, MergeBudget budget) {
    this.tree = tree;
    this.budget = budget;
  }

  /** The directory of {@code path}, if there is one. */
  Optional<Directory> find(EntryPath path) throws IOException {
    Directory known = remembered(path);
    if (known != null) {
      return Optional.of(known);
    }
    byte[] bytes = path.parent();
    TreePath at = TreePath.parse(bytes);
    Optional<Directory> found = tree.findDirectory(at);
    budget.countSteps(at.names().size());
    found.ifPresent(it -> remember(bytes, it));
    return found;
  }

  /**
   * The directory of {@code path}, which is made where it is missing, as 0755 root:root of the
   * epoch; empty below AUFS's own directories, which mean nothing here.
   *
   * @throws IllegalArgumentException below a whiteout
   */
  Optional<Directory> make(EntryPath path) throws IOException {
    Directory known = remembered(path);
    if (known != null) {
      return Optional.of(known);
    }
    byte[] bytes = path.parent();
    TreePath at = TreePath.parse(bytes);
    for (Name name : at.names()) {
      if (Whiteout.isOfAufs(name)) {
        return Optional.empty();
      }
      if (Whiteout.is(name)) {
        throw new IllegalArgumentException(
            "\"" + name + "\" is a whiteout; nothing can be below it");
      }
    }
    Directory made = tree.makeDirectoriesOverLower(at, Instant.EPOCH);
    budget.countSteps(at.names().size());
    remember(bytes, made);
    return Optional.of(made);
  }

  private @Nullable Directory remembered(EntryPath path) {
    return turns == tree.turns() && path.hasParent(parent) ? directory : null;
  }

  private void remember(byte[] bytes, Directory found) {
    parent = bytes;
    directory = found;
    turns = tree.turns();
  }
}
