package dev.nexrootfs.build;

import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The library that some distributions' supervise-daemon asks before it becomes another user. It
 * refuses where it has no rules, or not the modules that they name.
 */
final class Pam {
  private static final Name LIBRARY = Name.of("libpam.so.0");
  private static final Name SECURITY = Name.of("security");
  private static final Name PERMIT = Name.of("pam_permit.so");

  private Pam() {}

  /** Whether the library is there. */
  static boolean isIn(FileTree tree) throws IOException {
    return libraries(tree).stream().anyMatch(directory -> directory.get(LIBRARY).isPresent());
  }

  /** Whether the module is there that allows. */
  static boolean permits(FileTree tree) throws IOException {
    return libraries(tree).stream()
        .flatMap(directory -> directory.get(SECURITY).stream())
        .anyMatch(
            security -> security instanceof Directory modules && modules.get(PERMIT).isPresent());
  }

  /** The directories of libraries: of multiarch, one below, too. */
  private static List<Directory> libraries(FileTree tree) throws IOException {
    List<Directory> found = new ArrayList<>();
    for (String path : List.of("/lib", "/lib64", "/usr/lib", "/usr/lib64")) {
      Optional<Directory> directory = tree.findDirectory(TreePath.of(path));
      if (directory.isPresent()) {
        found.add(directory.get());
        directory.get().entries().values().stream()
            .filter(Directory.class::isInstance)
            .map(Directory.class::cast)
            .forEach(found::add);
      }
    }
    return found;
  }
}
