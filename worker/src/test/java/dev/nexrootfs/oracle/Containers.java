package dev.nexrootfs.oracle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Assumptions;

/**
 * Podman with a store of its own in .cache, whatever this machine's is: without cgroups that a
 * container could get, without a registry, with limits that this process may give.
 */
public final class Containers {
  /** The base of our image, Debian with a JRE. */
  public static final String BASE = "localhost/nex-rootfs-test-base";

  /** Our image. */
  public static final String IMAGE = "localhost/nex-rootfs-test:it";

  private static final Path TOP = Path.of("..").toAbsolutePath().normalize();
  private static final Path CACHE = TOP.resolve(".cache/container");

  private final Map<String, String> environment = new TreeMap<>();

  private Containers(Path directory) throws IOException {
    Path storage = CACHE.resolve("storage");
    // Podman's database has the paths in it: a store that was moved with its checkout is of no use.
    Path place = storage.resolve("place");
    if (!Files.exists(place) || !Files.readString(place).equals(storage.toString())) {
      // A run that was killed has left its containers' mounts.
      Command.of(
              "sh",
              "-c",
              "cut -d' ' -f2 /proc/mounts | grep -F \"$1/\" | sort -r | xargs -r umount -l",
              "sh",
              storage)
          .run()
          .orThrow();
      Command.of("rm", "-rf", storage).run().orThrow();
      Files.createDirectories(storage);
      Files.writeString(place, storage.toString());
    }
    Path store =
        Files.writeString(
            directory.resolve("storage.conf"),
            "[storage]\ndriver = \"overlay\"\nrunroot = \""
                + storage.resolve("run")
                + "\"\ngraphroot = \""
                + storage.resolve("graph")
                + "\"\n");
    String files = Command.of("sh", "-c", "ulimit -Hn").run().orThrow().output().strip();
    if (files.equals("unlimited")) {
      files = "1048576";
    }
    Path engine =
        Files.writeString(
            directory.resolve("containers.conf"),
            "[network]\nnetwork_backend = \"netavark\"\n[engine]\nruntime = \"runc\"\n"
                + "cgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n[containers]\n"
                + "default_ulimits = [\"nofile="
                + files
                + ":"
                + files
                + "\", \"nproc=4096:4096\"]\n");
    environment.put("CONTAINERS_STORAGE_CONF", store.toString());
    environment.put("CONTAINERS_CONF", engine.toString());
  }

  /** Podman, where this machine has what it takes; else the running test is skipped. */
  public static Containers open(Path directory) throws IOException {
    for (String program : List.of("podman", "buildah", "podman-compose", "runc")) {
      Command.require(program);
    }
    Assumptions.assumeTrue(
        Files.exists(CACHE.resolve("base.tar")),
        "needs .cache/container/base.tar; make test makes it, by debootstrap");
    Assumptions.assumeTrue(
        Command.of("id", "-u").run().output().strip().equals("0"), "needs root for containers");
    Containers containers = new Containers(directory);
    if (containers.run("podman", "image", "exists", BASE).exit() != 0) {
      containers.run("podman", "import", "-q", CACHE.resolve("base.tar"), BASE).orThrow();
    }
    return containers;
  }

  /** Runs a program that finds this store. */
  public Command.Result run(Object... words) {
    return command(words).run();
  }

  private Command command(Object... words) {
    Command command = Command.of(words).timeout(180);
    environment.forEach(command::variable);
    return command;
  }

  /** Builds our image as {@code make image} does. */
  public void buildImage() {
    command(TOP.resolve("deploy/container/build.sh"))
        .variable("BUILDER", "buildah")
        .variable("BUILD_FLAGS", "--layers=false -q")
        .variable("JRE", BASE)
        .variable("TAG", IMAGE)
        .run()
        .orThrow();
  }

  /** Builds what stands in for a public image: this machine's own program on our base. */
  public String buildStandIn(Path directory, String target, String program) throws IOException {
    Path context = Files.createDirectories(directory.resolve("context-" + target));
    Path found = find(program);
    Files.copy(found, context.resolve(target.equals("nats") ? "nats-server" : program));
    Path resources = Path.of("src/test/resources/containers");
    Files.copy(resources.resolve("registry.yml"), context.resolve("registry.yml"));
    String tag = "localhost/nex-rootfs-test-" + target;
    List<Object> words = new ArrayList<>(List.of("buildah", "build", "-q", "--layers=false"));
    words.addAll(List.of("--isolation", "chroot", "--network", "host", "--format", "docker"));
    words.addAll(List.of("--build-arg", "BASE=" + BASE, "--target", target, "-t", tag));
    words.addAll(List.of("-f", resources.resolve("Containerfile"), context));
    run(words.toArray()).orThrow();
    return tag;
  }

  private static Path find(String program) throws IOException {
    String found = Command.of("sh", "-c", "command -v " + program).run().orThrow().output();
    return Path.of(found.strip()).toRealPath();
  }

  /** What podman and podman-compose need beside their flags. */
  public Map<String, String> environment() {
    return Map.copyOf(environment);
  }

  /** The same with a variable more. */
  public Containers with(String name, String value) {
    environment.put(name, value);
    return this;
  }
}
