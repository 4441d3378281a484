package dev.nexrootfs.sandbox;

import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A user, a mount and a pid namespace, held open by a process that only waits for the end of its
 * input. When this worker dies, in whichever way, the kernel closes that input, the process ends,
 * and with it, as the first of its pid namespace, every other process there and every mount.
 */
final class Namespaces implements Closeable {
  private static final String READY = "ready";

  private final Process holder;
  private final long pid;

  private Namespaces(Process holder, long pid) {
    this.holder = holder;
    this.pid = pid;
  }

  /**
   * Makes the namespaces, with {@code ids} for their users.
   *
   * @param privileged whether this worker may write the maps itself
   * @throws UnavailableException where the machine does not let us
   */
  static Namespaces open(IdMap ids, boolean privileged) throws IOException, UnavailableException {
    List<String> words =
        List.of(
            "unshare",
            "--user",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            "echo " + READY + " && exec cat >/dev/null");
    Process holder;
    try {
      holder = Step.builder(words).redirectErrorStream(true).start();
    } catch (IOException e) {
      throw new UnavailableException(
          "unshare is not there (Debian: util-linux): " + e.getMessage());
    }
    boolean complete = false;
    try {
      byte[] answer = holder.getInputStream().readNBytes(READY.length() + 1);
      String said = new String(answer, StandardCharsets.UTF_8);
      if (!said.strip().equals(READY)) {
        byte[] rest = holder.getInputStream().readNBytes(500);
        throw new UnavailableException(
            "no user namespace: "
                + (said + new String(rest, StandardCharsets.UTF_8)).strip()
                + "; let the worker make some (sysctl user.max_user_namespaces, in a container its"
                + " seccomp and AppArmor profiles)");
      }
      Optional<ProcessHandle> first = holder.toHandle().children().findFirst();
      Namespaces made =
          new Namespaces(
              holder, first.orElseThrow(() -> new IOException("unshare has no child")).pid());
      if (privileged) {
        made.writeMaps(ids);
      } else {
        made.askForMaps(ids);
      }
      complete = true;
      return made;
    } finally {
      if (!complete) {
        Step.end(holder);
      }
    }
  }

  private void writeMaps(IdMap ids) throws UnavailableException {
    try {
      Files.writeString(Path.of("/proc/" + pid + "/uid_map"), "0 " + ids.uid() + " " + IdMap.COUNT);
      Files.writeString(Path.of("/proc/" + pid + "/gid_map"), "0 " + ids.gid() + " " + IdMap.COUNT);
    } catch (IOException e) {
      throw new UnavailableException(
          "the ids "
              + ids.uid()
              + " to "
              + (ids.uid() + IdMap.COUNT - 1)
              + " cannot be mapped ("
              + e.getMessage()
              + "); give root a range that it has, in /etc/subuid and /etc/subgid");
    }
  }

  private void askForMaps(IdMap ids) throws IOException, UnavailableException {
    askForMap("newuidmap", ids.uid());
    askForMap("newgidmap", ids.gid());
  }

  private void askForMap(String program, long first) throws UnavailableException {
    try {
      Step.run(
          "map ids",
          List.of(
              program,
              Long.toString(pid),
              "0",
              Long.toString(first),
              Integer.toString(IdMap.COUNT)));
    } catch (IOException e) {
      throw new UnavailableException(
          program + " (Debian: uidmap) does not map ids: " + e.getMessage());
    }
  }

  /** The words that run {@code words} in here, as the root of here. */
  List<String> enter(List<String> words) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "nsenter",
                "--target",
                Long.toString(pid),
                "--user",
                "--mount",
                "--pid",
                "--setuid",
                "0",
                "--setgid",
                "0",
                "--"));
    all.addAll(words);
    return all;
  }

  /** The root directory of here, as this machine sees it. */
  Path root() {
    return Path.of("/proc/" + pid + "/root");
  }

  /** Waits until the process that holds all this is the only one here. */
  void awaitNobodyElse(long millis) throws IOException {
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    while (ProcessTable.read().hasLivingChild(pid)) {
      if (System.nanoTime() > end) {
        throw new IOException("a script's processes do not end");
      }
      ProcessTable.pause();
    }
  }

  /** Ends every process here, and returns when they are gone. */
  @Override
  public void close() throws IOException {
    // unshare ends its child with itself; the child, as the first of its namespace, all others.
    Step.end(holder);
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    // Whoever becomes its parent may take its time to notice; as a zombie it has taken all along.
    while (ProcessTable.isLiving(pid)) {
      if (System.nanoTime() > end) {
        throw new IOException("the sandbox's process " + pid + " does not end");
      }
      ProcessTable.pause();
    }
  }
}
