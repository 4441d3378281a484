package dev.nexrootfs.oracle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/**
 * A Debian with systemd as its first process, booted by systemd-nspawn: the kernel, the network and
 * the JVM are this machine's, all else is its own. This checkout is at {@code /checkout}.
 */
@SuppressWarnings("try") // Its close() can be interrupted.
public final class SystemdMachine implements AutoCloseable {
  private static final Duration BOOT = Duration.ofSeconds(60);

  private final Process process;
  private final Path root;

  private SystemdMachine(Process process, Path root) {
    this.process = process;
    this.root = root;
  }

  /** Boots one whose files are below {@code directory}; skips the test where none can be booted. */
  public static SystemdMachine boot(Path directory) throws Exception {
    Command.require("systemd-nspawn");
    Assumptions.assumeTrue(
        System.getProperty("user.name", "").equals("root"), "needs root, for systemd-nspawn");
    Path tar = directory.resolve("base.tar");
    Program.run("inspect", "--image", "oci:" + BootedGuest.base("systemd"), "--tar", tar).orThrow();
    Path root = Files.createDirectory(directory.resolve("root"));
    Command.of("tar", "-xp", "--numeric-owner", "-f", tar, "-C", root).run().orThrow();
    Path console = directory.resolve("console");
    List<String> words =
        new ArrayList<>(
            List.of("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"));
    words.add("--directory=" + root);
    words.add("--bind-ro=" + Path.of("..").toRealPath() + ":/checkout");
    for (Path part : jvm()) {
      words.add("--bind-ro=" + part);
    }
    Process process =
        new ProcessBuilder(words)
            .redirectErrorStream(true)
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectOutput(console.toFile())
            .start();
    SystemdMachine machine = new SystemdMachine(process, root);
    if (!machine.awaitBooted()) {
      machine.close();
      Assumptions.abort("systemd-nspawn boots no systemd here: " + Files.readString(console));
    }
    return machine;
  }

  /** The JVM of this test, and the directories of Debian that its files are links to. */
  private static List<Path> jvm() throws IOException {
    List<Path> parts = new ArrayList<>();
    parts.add(home());
    try (Stream<Path> etc = Files.list(Path.of("/etc"))) {
      etc.filter(path -> path.getFileName().toString().startsWith("java-")).forEach(parts::add);
    }
    return parts;
  }

  /** Where the JVM is, inside as outside. */
  public static Path home() throws IOException {
    return Path.of(System.getProperty("java.home")).toRealPath();
  }

  private boolean awaitBooted() throws InterruptedException {
    long deadline = System.nanoTime() + BOOT.toNanos();
    while (process.isAlive() && System.nanoTime() < deadline) {
      if (first().isPresent()) {
        String state = run("systemctl is-system-running").output().strip();
        if (state.endsWith("running") || state.endsWith("degraded")) {
          return true;
        }
      }
      Thread.sleep(200);
    }
    return false;
  }

  private Optional<ProcessHandle> first() {
    return process.children().findFirst();
  }

  /** Runs a script inside, as root. */
  public Command.Result run(String script) {
    long pid = first().orElseThrow().pid();
    return Command.of("nsenter", "-t", pid, "-a", "/bin/sh", "-ec", script)
        .variable("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .run();
  }

  /** A file of the machine, by its path there. */
  public Path file(String path) {
    return root.resolve(path.substring(1));
  }

  @Override
  public void close() throws InterruptedException {
    if (process.isAlive() && first().isPresent()) {
      var unused = run("systemctl poweroff || true");
    }
    if (!process.waitFor(30, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
    }
  }
}
