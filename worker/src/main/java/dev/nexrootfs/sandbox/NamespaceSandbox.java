package dev.nexrootfs.sandbox;

import dev.nexrootfs.sandbox.ScriptException.Reason;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A sandbox of the kernel's namespaces, made by util-linux and bubblewrap. The tree lies in memory,
 * in a tmpfs of its own with a limit, which is gone with the namespaces.
 */
final class NamespaceSandbox implements ScriptSandbox {
  /** Where the tmpfs is mounted; nobody outside sees it. */
  private static final String TOP = "/tmp";

  private static final String TREE = TOP + "/tree";

  /** Files beside those of the tree. */
  private static final long FREE_FILES = 1_000_000;

  /** A writer is stopped between two looks at the disk, or by its end a little later. */
  private static final long DISK_MARGIN = 64L << 20;

  /** What pages and directories take beyond the bytes of files. */
  private static final long BYTES_PER_FILE = 512;

  /** A bomb that the kernel stops is over before anybody looks; so it comes that much later. */
  private static final int MORE_PROCESSES = 1000;

  /** bubblewrap, which was nsenter's child, and its init. */
  private static final int OWN_PROCESSES = 2;

  private static final List<String> CAPABILITIES =
      List.of(
          "CAP_CHOWN",
          "CAP_DAC_OVERRIDE",
          "CAP_FOWNER",
          "CAP_FSETID",
          "CAP_SETUID",
          "CAP_SETGID",
          "CAP_SETFCAP",
          "CAP_KILL",
          "CAP_SYS_CHROOT");

  private static final Pattern EXIT = Pattern.compile("\"exit-code\": *(\\d+)");
  private static final long END_MILLIS = 10_000;
  private static final int BY_SIGNAL = 128;

  private final IdMap ids;
  private final boolean privileged;
  private final byte[] filter;

  /**
   * A sandbox whose users are {@code ids}.
   *
   * @param privileged whether this worker is root
   * @param filter which system calls are let through
   */
  NamespaceSandbox(IdMap ids, boolean privileged, byte[] filter) {
    this.ids = ids;
    this.privileged = privileged;
    this.filter = filter.clone();
  }

  @Override
  public Isolation isolation() {
    return privileged ? Isolation.USERNS_ROOT : Isolation.USERNS;
  }

  @Override
  public void run(
      ArchiveWriter tree,
      long treeBytes,
      long treeFiles,
      Script script,
      ScriptLimits limits,
      ScriptOutput output,
      OutputStream after)
      throws IOException {
    try (Namespaces namespaces = Namespaces.open(ids, privileged)) {
      long bytes = treeBytes + treeFiles * BYTES_PER_FILE + limits.diskBytes() + DISK_MARGIN;
      prepare(namespaces, script, bytes, treeFiles + FREE_FILES);
      Step.run("take the tree", namespaces.enter(Archives.unpack(TREE)), tree, nowhere());
      runScript(namespaces, script, limits, output);
      namespaces.awaitNobodyElse(END_MILLIS);
      Step.run("give the tree back", namespaces.enter(Archives.pack(TREE)), out -> {}, after);
    } catch (UnavailableException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private void prepare(Namespaces namespaces, Script script, long bytes, long files)
      throws IOException {
    String commands =
        "mount -t tmpfs -o mode=0755,size=$1,nr_inodes=$2 nex-rootfs /tmp\n"
            + "mkdir /tmp/tree /tmp/run && mkdir -m 1777 /tmp/tmp /tmp/shm\n"
            + "head -c $3 >/tmp/filter && cat >/tmp/script\n"
            // The filter refuses namespaces, too; where this file is read-only, it does so alone.
            + "echo 0 2>/dev/null >/proc/sys/user/max_user_namespaces || :\n";
    List<String> words =
        List.of(
            "sh",
            "-euc",
            commands,
            "sh",
            Long.toString(bytes),
            Long.toString(files),
            Integer.toString(filter.length));
    Step.run(
        "prepare itself",
        namespaces.enter(words),
        out -> {
          out.write(filter);
          new ByteArrayInputStream(script.bytes()).transferTo(out);
        },
        nowhere());
  }

  private void runScript(
      Namespaces namespaces, Script script, ScriptLimits limits, ScriptOutput output)
      throws IOException {
    List<String> words = new ArrayList<>();
    words.add("sh");
    words.add("-c");
    words.add("exec \"$@\" 3</tmp/filter 4</tmp/script 5>/tmp/status");
    words.add("sh");
    words.addAll(limitWords(limits));
    words.addAll(confineWords(script));
    File disk = namespaces.root().resolve(TOP.substring(1)).toFile();
    Watch watch =
        new Watch(limits, output, () -> disk.getTotalSpace() - disk.getFreeSpace(), OWN_PROCESSES);
    Process process =
        Step.builder(namespaces.enter(words))
            .redirectErrorStream(true)
            .redirectInput(new File("/dev/null"))
            .start();
    try {
      int status = watch.over(process);
      Optional<Integer> own = exitStatus(namespaces);
      if (own.isEmpty() && output.tail().contains("execvp " + Archives.start(script).get(0))) {
        throw new ScriptException(
            ScriptException.Reason.FAILED,
            "the script cannot be started: its interpreter, "
                + script.interpreter()
                + ", is not in the image or cannot be run");
      }
      if (own.isEmpty()) {
        throw new IOException(
            "the sandbox did not start the script: "
                + output.tail()
                + " (exit status "
                + status
                + ")");
      }
      check(own.get(), watch, output);
    } finally {
      Step.end(process);
    }
  }

  /** What a script's end means. */
  static void check(int status, Watch watch, ScriptOutput output) throws ScriptException {
    if (status == 0) {
      return;
    }
    if (output.tail().contains("No space left on device")) {
      throw watch.failure(
          Reason.DISK, "the script found its disk full, and ended with exit status " + status);
    }
    if (watch.sawForkFail()) {
      throw watch.failure(
          Reason.PROCESSES,
          "the script got no more processes, and ended with exit status " + status);
    }
    throw watch.failure(
        Reason.FAILED,
        status > BY_SIGNAL
            ? "the script ended with exit status "
                + status
                + ", as by signal "
                + (status - BY_SIGNAL)
            : "the script ended with exit status " + status);
  }

  /** bubblewrap notes the script's exit status, where it came to run it. */
  private static Optional<Integer> exitStatus(Namespaces namespaces) throws IOException {
    String status =
        Step.run("tell the exit status", namespaces.enter(List.of("cat", TOP + "/status")));
    Matcher matcher = EXIT.matcher(status);
    return matcher.find() ? Optional.of(Integer.parseInt(matcher.group(1))) : Optional.empty();
  }

  /**
   * Limits of the kernel's, beyond those that the watch sees to, so that its answer comes first.
   */
  static List<String> limitWords(ScriptLimits limits) {
    long processes = 2L * limits.processes() + MORE_PROCESSES;
    return List.of(
        "prlimit",
        "--core=0",
        "--nofile=1024:4096",
        "--nproc=" + processes,
        "--fsize=" + (limits.diskBytes() + DISK_MARGIN),
        "--data=" + 2 * limits.memoryBytes(),
        "--");
  }

  private List<String> confineWords(Script script) {
    List<String> words = new ArrayList<>();
    words.addAll(List.of("bwrap", "--bind", TREE, "/", "--proc", "/proc"));
    words.addAll(
        List.of("--dev", "/dev", "--bind", "/tmp/shm", "/dev/shm", "--remount-ro", "/dev"));
    words.addAll(List.of("--bind", "/tmp/tmp", "/tmp", "--bind", "/tmp/run", "/run"));
    words.addAll(List.of("--tmpfs", "/sys", "--remount-ro", "/sys"));
    words.addAll(List.of("--perms", "0755", "--file", "4", Archives.SCRIPT));
    words.addAll(List.of("--unshare-pid", "--unshare-ipc", "--unshare-uts"));
    words.addAll(List.of("--hostname", "nex-rootfs"));
    if (!script.network()) {
      words.add("--unshare-net");
    }
    words.addAll(List.of("--die-with-parent", "--new-session", "--clearenv"));
    Archives.environment(script)
        .forEach((name, value) -> words.addAll(List.of("--setenv", name, value)));
    words.addAll(List.of("--cap-drop", "ALL"));
    CAPABILITIES.forEach(name -> words.addAll(List.of("--cap-add", name)));
    words.addAll(List.of("--seccomp", "3", "--json-status-fd", "5", "--chdir", "/", "--"));
    words.addAll(Archives.start(script));
    return words;
  }

  private static OutputStream nowhere() {
    return OutputStream.nullOutputStream();
  }
}
