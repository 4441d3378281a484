package dev.nexrootfs.build;

import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.protocol.Finding;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Looks at a finished tree for what would keep it from booting and from starting the agent: the
 * programs that have to run are there, for the platform, with what starts them; and something
 * starts the agent.
 */
final class BootLint {
  /** More are not told; the first ones are what has to be mended first. */
  static final int MAX_FINDINGS = 50;

  /** As of the kernel: a script's interpreter may be a script. */
  private static final int MAX_INTERPRETERS = 4;

  /** As much as the kernel reads of a script's first line, BINPRM_BUF_SIZE. */
  private static final int FIRST_LINE_BYTES = 256;

  private static final int EXECUTABLE = 0111;

  private final FileTree tree;
  private final String architecture;
  private final List<Finding> findings = new ArrayList<>();

  private BootLint(FileTree tree, Platform platform) {
    this.tree = tree;
    architecture = String.valueOf(platform.architecture());
  }

  /** What is wrong with {@code tree}. */
  static List<Finding> of(FileTree tree, Platform platform) throws IOException {
    BootLint lint = new BootLint(tree, platform);
    lint.checkInit();
    lint.checkProgram("AGENT", NexGuest.AGENT);
    lint.checkService(InitSystem.of(tree));
    lint.checkProgram("SCRIPT", BootScript.PATH, BootScript.RUNNER);
    lint.checkServices();
    return List.copyOf(lint.findings);
  }

  private void checkInit() throws IOException {
    for (String path : InitSystem.KERNEL_ORDER) {
      if (tree.find(TreePath.of(path)).isPresent()) {
        checkProgram("INIT", path);
        return;
      }
    }
    error(
        "INIT_MISSING",
        InitSystem.KERNEL_ORDER.get(0),
        "the base has no init, so the guest will not start; install OpenRC, systemd or busybox in it");
  }

  /** What starts the agent, by the base's init. */
  private void checkService(InitSystem init) throws IOException {
    switch (init) {
      case OPENRC -> {
        needs("SUPERVISOR_MISSING", "/sbin/supervise-daemon", "OpenRC 0.21 or newer has it");
        if (Pam.isIn(tree) && !Pam.permits(tree)) {
          error(
              "SUPERVISOR_PAM",
              "/sbin/supervise-daemon",
              "the base has PAM without its modules, so no service can become user nex; install libpam-modules in it");
        }
        boolean enabled = false;
        for (String runlevel : List.of("sysinit", "boot", "default")) {
          enabled |= isThere("/etc/runlevels/" + runlevel + "/agent");
        }
        if (!enabled) {
          notEnabled("/etc/runlevels/boot/agent");
        }
      }
      case SYSTEMD -> {
        if (!isThere(SystemdUnits.AGENT_LINK)) {
          notEnabled(SystemdUnits.AGENT_LINK);
        }
      }
      case BUSYBOX -> {
        checkProgram("SCRIPT", BusyboxInit.RUN_AGENT, BusyboxInit.MOUNTS, BusyboxInit.STOP);
        Optional<Node> inittab = lookUp(Inittab.PATH);
        boolean enabled =
            inittab.isPresent()
                && SmallText.read(Inittab.PATH, inittab.get()).contains(BusyboxInit.RUN_AGENT);
        if (!enabled) {
          notEnabled(Inittab.PATH);
        }
      }
      case OTHER ->
          error(
              "INIT_UNKNOWN",
              "/sbin/init",
              "the base's init is neither OpenRC nor systemd nor busybox, so nothing starts the agent; install one of them in it, or add a service of this init's by \"files\"");
      case NONE -> {
        return; // checkInit has said so.
      }
    }
  }

  private void notEnabled(String path) {
    error(
        "AGENT_NOT_ENABLED",
        path,
        "nothing starts the agent; a file of the request took its place");
  }

  /** Every service that OpenRC will start is a script whose interpreter is there. */
  private void checkServices() throws IOException {
    if (InitSystem.of(tree) != InitSystem.OPENRC) {
      return;
    }
    for (String runlevel : List.of("sysinit", "boot", "default", "shutdown")) {
      String directory = "/etc/runlevels/" + runlevel;
      if (!(lookUp(directory).orElse(null) instanceof Directory services)) {
        continue;
      }
      for (Name name : services.entries().keySet()) {
        String path = directory + "/" + name;
        if (!path.contains("/.") && !(lookUp(path).orElse(null) instanceof Directory)) {
          checkRuns("SERVICE", path, path, MAX_INTERPRETERS);
        }
      }
    }
  }

  /** The programs of {@code paths} that are there by name can run. */
  private void checkProgram(String what, String... paths) throws IOException {
    for (String path : paths) {
      if (tree.find(TreePath.of(path)).isPresent()) {
        checkRuns(what, path, path, MAX_INTERPRETERS);
      } else if (what.equals("AGENT")) {
        error("AGENT_MISSING", path, "there is no agent");
      }
    }
  }

  private void checkRuns(String what, String program, String path, int depth) throws IOException {
    Optional<Node> node = lookUp(path);
    String role = path.equals(program) ? "" : ", which " + program + " is started by,";
    if (node.isEmpty() || !(node.get() instanceof RegularFile file)) {
      String kind = path.equals(program) ? what + "_MISSING" : what + "_INTERPRETER_MISSING";
      error(kind, program, path + role + " leads to no file of the image");
      return;
    }
    if ((file.attributes().permissions() & EXECUTABLE) == 0) {
      error(
          what + "_NOT_EXECUTABLE",
          program,
          path + role + " has the mode 0" + Integer.toOctalString(file.attributes().permissions()));
    }
    Optional<ElfProgram> elf = ElfProgram.read(file.content());
    if (elf.isPresent()) {
      checkElf(what, program, path, elf.get(), depth);
      return;
    }
    Optional<String> interpreter = interpreter(file);
    if (interpreter.isEmpty()) {
      error(
          what + "_NO_PROGRAM",
          program,
          path + role + " is neither an ELF program nor a script that begins with #!");
    } else if (depth > 0) {
      checkRuns(what, program, interpreter.get(), depth - 1);
    } else {
      error(what + "_INTERPRETER_LOOP", program, "its interpreters are scripts without an end");
    }
  }

  private void checkElf(String what, String program, String path, ElfProgram elf, int depth)
      throws IOException {
    if (!elf.runsOn(architecture)) {
      error(
          what + "_MACHINE",
          program,
          path + " is for " + elf.machineName() + ", the image for " + architecture);
    }
    if (elf.loader().isPresent() && depth > 0) {
      String loader = elf.loader().get();
      if (lookUp(loader).orElse(null) instanceof RegularFile) {
        checkRuns(what, program, loader, 0);
      } else {
        error(
            what + "_LOADER_MISSING",
            program,
            path
                + " is linked dynamically and needs "
                + loader
                + ", which the base has not; link it statically (CGO_ENABLED=0), or take a base with that C library");
      }
    }
  }

  /** What stands behind {@code #!}; none where there is no such line. */
  private static Optional<String> interpreter(RegularFile file) throws IOException {
    int length = (int) Math.min(FIRST_LINE_BYTES, file.content().size());
    ByteBuffer bytes = ByteBuffer.allocate(length);
    file.content().read(0, bytes);
    String start = StandardCharsets.ISO_8859_1.decode(bytes.flip()).toString();
    if (!start.startsWith("#!")) {
      return Optional.empty();
    }
    String line = start.substring(2).lines().findFirst().orElse("").strip();
    String path = line.split("[ \t]", 2)[0];
    return path.startsWith("/") ? Optional.of(path) : Optional.empty();
  }

  private void needs(String check, String path, String remedy) {
    if (!isThere(path)) {
      error(check, path, "the base lacks it; " + remedy);
    }
  }

  /** What {@code path} leads to; nothing where its links loop, or where it is none of a file. */
  private Optional<Node> lookUp(String path) {
    try {
      return tree.resolve(TreePath.of(path));
    } catch (IOException | IllegalArgumentException e) {
      // Both say why it cannot be followed, in a guest as here: to whoever wants it, it is not
      // there.
      return Optional.empty();
    }
  }

  private boolean isThere(String path) {
    return lookUp(path).orElse(null) instanceof RegularFile;
  }

  private void error(String check, String path, String message) {
    if (findings.size() < MAX_FINDINGS) {
      findings.add(new Finding(Finding.Level.ERROR, check, path, message));
    }
  }
}
