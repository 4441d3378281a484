package dev.nexrootfs.build;

import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.FileSpec;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.time.Instant;
import java.util.List;

/** Adds a request's files to a tree, in place of whatever had their names. */
final class AddedFiles {
  private AddedFiles() {}

  static void add(FileTree tree, List<ResolvedInputs.AddedFile> files, Instant time)
      throws RequestException {
    for (ResolvedInputs.AddedFile file : files) {
      FileSpec spec = file.spec();
      try {
        TreePath path = TreePath.of(spec.path());
        Directory parent = tree.makeDirectories(path.parent(), time);
        if (parent.get(path.last()).orElse(null) instanceof Directory) {
          throw new IOException(path + " is a directory of the base image");
        }
        Attributes attributes =
            Attributes.of(spec.permissions(), idOf(spec.uid()), idOf(spec.gid()), time);
        tree.put(
            parent, path.last(), new RegularFile(attributes, tree.nextSequence(), file.content()));
      } catch (IOException | IllegalArgumentException e) {
        throw new RequestException(ErrorCode.INVALID_FIELD, "files[].path: " + e.getMessage(), e);
      }
    }
  }

  private static long idOf(@org.jspecify.annotations.Nullable Long id) {
    return id == null ? 0 : id;
  }
}
