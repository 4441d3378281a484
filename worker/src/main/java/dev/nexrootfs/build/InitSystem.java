package dev.nexrootfs.build;

import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** What starts a base's services: the program that the kernel runs first, or what that one runs. */
enum InitSystem {
  /** OpenRC, under busybox's init, sysvinit or its own. */
  OPENRC("OpenRC"),
  /** systemd. */
  SYSTEMD("systemd"),
  /** busybox's init alone, by /etc/inittab. */
  BUSYBOX("busybox init"),
  /** A program that we know no way to add a service to. */
  OTHER("an unknown init"),
  /** There is none. */
  NONE("no init");

  /** Where the kernel looks for its first program, init/main.c; its last resort is a shell. */
  static final List<String> KERNEL_ORDER = List.of("/sbin/init", "/etc/init", "/bin/init");

  private static final List<String> SYSTEMD_PROGRAMS =
      List.of("/usr/lib/systemd/systemd", "/lib/systemd/systemd");
  static final String OPENRC_RUN = "/sbin/openrc-run";
  static final String OPENRC_INIT = "/sbin/openrc-init";
  private static final String BUSYBOX_PROGRAM = "/bin/busybox";
  private static final String INITTAB = "/etc/inittab";

  private final String text;

  InitSystem(String text) {
    this.text = text;
  }

  /** In a person's words. */
  String text() {
    return text;
  }

  /** The one that {@code tree} has. */
  static InitSystem of(FileTree tree) throws IOException {
    Optional<Node> init = program(tree, KERNEL_ORDER);
    if (init.isEmpty()) {
      return NONE;
    }
    if (isOneOf(tree, init.get(), SYSTEMD_PROGRAMS)) {
      return SYSTEMD;
    }
    boolean busybox = isOneOf(tree, init.get(), List.of(BUSYBOX_PROGRAM));
    if (program(tree, List.of(OPENRC_RUN)).isPresent() && (!busybox || inittabStartsOpenRc(tree))) {
      return OPENRC;
    }
    return busybox ? BUSYBOX : OTHER;
  }

  /** The program that a base without an init has for one, where there is any. */
  static Optional<String> substitute(FileTree tree) throws IOException {
    for (String candidate : SYSTEMD_PROGRAMS) {
      if (program(tree, List.of(candidate)).isPresent()) {
        return Optional.of(candidate);
      }
    }
    for (String candidate : List.of(OPENRC_INIT, BUSYBOX_PROGRAM)) {
      if (program(tree, List.of(candidate)).isPresent()) {
        return Optional.of(candidate);
      }
    }
    return Optional.empty();
  }

  /** The first of {@code paths} that leads to a file, with links followed inside the tree. */
  static Optional<Node> program(FileTree tree, List<String> paths) throws IOException {
    for (String path : paths) {
      Optional<Node> node = tree.resolve(TreePath.of(path));
      if (node.isPresent() && node.get() instanceof RegularFile) {
        return node;
      }
    }
    return Optional.empty();
  }

  /** Without an inittab we write one, which does. */
  private static boolean inittabStartsOpenRc(FileTree tree) throws IOException {
    Optional<Node> inittab = tree.resolve(TreePath.of(INITTAB));
    return inittab.isEmpty() || SmallText.read(INITTAB, inittab.get()).contains("openrc");
  }

  private static boolean isOneOf(FileTree tree, Node node, List<String> paths) throws IOException {
    for (String path : paths) {
      if (tree.resolve(TreePath.of(path)).orElse(null) == node) {
        return true;
      }
    }
    return false;
  }
}
