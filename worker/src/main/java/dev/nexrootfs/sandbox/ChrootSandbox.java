package dev.nexrootfs.sandbox;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A directory that the script has for its root, and nothing else that keeps it in: it is root of
 * this machine. Only for scripts that the operator trusts like the worker itself, on machines where
 * that is all there is.
 *
 * <p>The limits hold as far as nobody tries to get around them. What it leaves running is found by
 * its root directory, and ended. What a killed worker leaves is swept at the next one's start.
 */
final class ChrootSandbox implements ScriptSandbox {
  private static final Logger LOG = LoggerFactory.getLogger(ChrootSandbox.class);
  private static final String LOCK = ".lock";

  /** So many times are processes looked for that were started meanwhile. */
  private static final int ROUNDS = 1000;

  private static final String DEVICES =
      """
      cd "$1" && mkdir -p dev run && cat >".$2" && chmod 755 ".$2"
      for device in null:3 zero:5 full:7 random:8 urandom:9; do
        test -e "dev/${device%:*}" || mknod -m 666 "dev/${device%:*}" c 1 "${device#*:}"
      done
      """;

  private final Path scratch;

  /** A sandbox in {@code scratch}, which is made where it is missing. */
  ChrootSandbox(Path scratch) throws IOException {
    Files.createDirectories(scratch);
    this.scratch = scratch.toRealPath();
  }

  @Override
  public Isolation isolation() {
    return Isolation.CHROOT;
  }

  @Override
  @SuppressWarnings("try") // the lock is held, not used
  public void run(
      ArchiveWriter tree,
      long treeBytes,
      long treeFiles,
      Script script,
      ScriptLimits limits,
      ScriptOutput output,
      OutputStream after)
      throws IOException {
    Path place = Files.createTempDirectory(scratch, "script");
    Path root = place.resolve("tree");
    try (FileChannel channel =
            FileChannel.open(
                place.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      Files.createDirectory(root);
      Step.run("take the tree", Archives.unpack(root.toString()), tree, nowhere());
      Step.run(
          "prepare itself",
          List.of("sh", "-euc", DEVICES, "sh", root.toString(), Archives.SCRIPT),
          out -> new ByteArrayInputStream(script.bytes()).transferTo(out),
          nowhere());
      runScript(root, script, limits, output);
      Step.run("give the tree back", Archives.pack(root.toString()), out -> {}, after);
    } finally {
      delete(place);
    }
  }

  private static void runScript(Path root, Script script, ScriptLimits limits, ScriptOutput output)
      throws IOException {
    List<String> words = new ArrayList<>(List.of("setsid", "--wait"));
    words.addAll(NamespaceSandbox.limitWords(limits));
    words.addAll(List.of("chroot", root.toString()));
    words.addAll(Archives.start(script));
    ProcessBuilder builder =
        Step.builder(words).redirectErrorStream(true).redirectInput(new File("/dev/null"));
    builder.environment().clear();
    builder.environment().putAll(Archives.environment(script));
    // The programs of this machine that lead to the script are not to load what an image names.
    builder.environment().keySet().removeIf(name -> name.startsWith("LD_"));
    Watch watch = new Watch(limits, output, new DirectorySize(root)::bytes, 1);
    Process process = builder.start();
    try {
      NamespaceSandbox.check(watch.over(process), watch, output);
    } finally {
      Step.end(process);
      endAll(root);
    }
  }

  /** Ends every process whose root directory is {@code root}, until there is none. */
  private static void endAll(Path root) throws IOException {
    for (int round = 0; round < ROUNDS; round++) {
      boolean found = false;
      try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[1-9]*")) {
        for (Path process : processes) {
          if (isIn(process, root)) {
            found = true;
            ProcessHandle.of(Long.parseLong(process.getFileName().toString()))
                .ifPresent(ProcessHandle::destroyForcibly);
          }
        }
      }
      if (!found) {
        return;
      }
      ProcessTable.pause();
    }
    throw new IOException("a script's processes do not end; they have the root " + root);
  }

  private static boolean isIn(Path process, Path root) {
    try {
      return Files.readSymbolicLink(process.resolve("root")).startsWith(root);
    } catch (IOException e) {
      return false; // it has ended just now, or is the kernel's
    }
  }

  private static void delete(Path place) throws IOException {
    Step.run("delete " + place, List.of("rm", "-rf", "--one-file-system", place.toString()));
  }

  /** Deletes what workers that were killed have left in {@code scratch}. */
  static void sweep(Path scratch) throws IOException {
    if (!Files.isDirectory(scratch)) {
      return;
    }
    try (DirectoryStream<Path> places = Files.newDirectoryStream(scratch, "script*")) {
      for (Path place : places) {
        sweepOne(place.toRealPath());
      }
    }
  }

  private static void sweepOne(Path place) throws IOException {
    try (FileChannel channel =
        FileChannel.open(
            place.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      FileLock lock = channel.tryLock();
      if (lock != null) {
        LOG.info("a worker that was killed has left {}; it is deleted", place);
        endAll(place.resolve("tree"));
        delete(place);
      }
    } catch (java.nio.channels.OverlappingFileLockException e) {
      LOG.debug("{} is used by this program", place);
    }
  }

  private static OutputStream nowhere() {
    return OutputStream.nullOutputStream();
  }
}
