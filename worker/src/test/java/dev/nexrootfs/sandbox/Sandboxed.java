package dev.nexrootfs.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.SpooledInput;
import dev.nexrootfs.tar.TarEntry;
import dev.nexrootfs.tar.TarReader;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import dev.nexrootfs.tree.TreePath;
import dev.nexrootfs.tree.Xattrs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Assumptions;

/** A tree of a busybox, scripts over it, and what they did. */
final class Sandboxed {
  static final Instant TIME = Instant.parse("2024-05-06T07:08:09.123456789Z");
  static final Instant LIMIT = Instant.parse("2025-01-01T00:00:00Z");
  static final long MIB = 1 << 20;

  /** Little, so that limits are reached soon. */
  static final ScriptLimits LIMITS =
      new ScriptLimits(Duration.ofSeconds(20), 128 * MIB, 64, 64 * MIB, MIB);

  private static final Path BUSYBOX = Path.of("..", ".cache", "vm", "busybox", "bin", "busybox");

  final LayerCache spool;
  final FileTree tree = new FileTree(TIME);
  private final ScriptRun run;
  private Map<String, String> environment = Map.of();

  private Sandboxed(LayerCache spool, ScriptRun run) {
    this.spool = spool;
    this.run = run;
  }

  /** A place in the best sandbox that this machine gives. */
  static Sandboxed in(Path directory, ScriptLimits limits) throws IOException {
    return in(directory, limits, false);
  }

  static Sandboxed in(Path directory, ScriptLimits limits, boolean trusted) throws IOException {
    LayerCache spool =
        new LayerCache(new CacheDirectory(directory.resolve("cache"), 1L << 32), 1L << 32);
    SandboxChoice choice = SandboxChoice.find(limits, trusted, spool, directory.resolve("scratch"));
    Assumptions.assumeTrue(
        choice.run().isPresent(), "needs a sandbox, and there is none: " + choice.reason());
    return of(spool, choice.run().orElseThrow());
  }

  static Sandboxed of(LayerCache spool, ScriptRun run) throws IOException {
    Assumptions.assumeTrue(
        Files.exists(BUSYBOX), "needs " + BUSYBOX + ", which is not there; make test fetches it");
    Sandboxed made = new Sandboxed(spool, run);
    made.addBusybox();
    return made;
  }

  private void addBusybox() throws IOException {
    byte[] program = Files.readAllBytes(BUSYBOX);
    for (String directory : List.of("bin", "dev", "etc", "proc", "run", "sys", "tmp", "root")) {
      tree.makeDirectories(TreePath.of(directory), TIME);
    }
    add("/bin/busybox", file(0755, 0, new ByteContent(program)));
    for (String name :
        ("sh ls cat cp mv rm ln mkdir mkfifo mknod mount umount chown chmod touch id sleep kill nc"
                + " yes head dd awk setsid chroot unshare grep env seq ps true stat readlink tr"
                + " sysctl hostname echo test printf find wc sync truncate nsenter ip ping date")
            .split(" ", -1)) {
      add("/bin/" + name, link("busybox"));
    }
    add("/etc/motd", file(0644, 0, ByteContent.of("hello\n")));
  }

  RegularFile file(int mode, long owner, Content content) {
    return new RegularFile(Attributes.of(mode, owner, owner, TIME), tree.nextSequence(), content);
  }

  RegularFile file(int mode, String text, Map<String, byte[]> xattrs) {
    return new RegularFile(
        new Attributes(mode, 7, 8, TIME, Xattrs.of(xattrs)),
        tree.nextSequence(),
        ByteContent.of(text));
  }

  SymbolicLink link(String target) {
    byte[] bytes = target.getBytes(StandardCharsets.UTF_8);
    return new SymbolicLink(Attributes.of(0777, 0, 0, TIME), tree.nextSequence(), bytes);
  }

  DeviceNode device(DeviceNode.Type type, int major, int minor) {
    return new DeviceNode(Attributes.of(0660, 0, 6, TIME), tree.nextSequence(), type, major, minor);
  }

  void add(String path, Node node) throws IOException {
    TreePath at = TreePath.of(path);
    tree.put(tree.makeDirectories(at.parent(), TIME), at.last(), node);
  }

  /** What a script did: the entries of its layer by their names, and what it said. */
  record Done(Map<String, TarEntry> entries, Map<String, String> contents, String output) {
    /** The entry of {@code name}. */
    TarEntry entry(String name) {
      TarEntry entry = entries.get(name);
      if (entry == null) {
        throw new AssertionError("no " + name + " among " + entries.keySet());
      }
      return entry;
    }

    /** Every entry but the directories that only lead to another. */
    List<String> names() {
      return entries.keySet().stream().filter(name -> !name.equals("./")).toList();
    }
  }

  /** The image's environment from now on. */
  Sandboxed environment(Map<String, String> variables) {
    environment = variables;
    return this;
  }

  /** Runs a script of {@code lines} by busybox' shell. */
  Done run(String... lines) throws IOException {
    return run(false, lines);
  }

  Done run(boolean network, String... lines) throws IOException {
    return run(network, () -> {}, lines);
  }

  Done run(Runnable beat, String... lines) throws IOException {
    return run(false, beat, lines);
  }

  private Done run(boolean network, Runnable beat, String... lines) throws IOException {
    byte[] text =
        ("#!/bin/sh\n" + String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8);
    ScriptOutput output = new ScriptOutput(line -> {}, beat);
    try (SpooledInput layer =
        spool.spool(
            "a layer",
            out -> run.run(tree, new Script(text, network, environment, LIMIT), output, out))) {
      Map<String, TarEntry> entries = new LinkedHashMap<>();
      Map<String, String> contents = new TreeMap<>();
      TarReader reader = new TarReader(layer.channel());
      for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
        TarEntry entry = next.get();
        entries.put(entry.displayName(), entry);
        if (entry.size() < 1000) {
          ByteBuffer content = ByteBuffer.allocate((int) entry.size());
          layer.channel().read(content, entry.offset());
          contents.put(
              entry.displayName(), new String(content.array(), StandardCharsets.ISO_8859_1));
        }
      }
      return new Done(entries, contents, output.tail());
    }
  }

  /** A script that fails: why. */
  ScriptException failure(String... lines) throws IOException {
    try {
      Done done = run(lines);
      throw new AssertionError("the script did not fail, and said: " + done.output());
    } catch (ScriptException e) {
      return e;
    }
  }

  /** Checks that nothing of any script is left on this machine. */
  static void assertNothingLeft() throws IOException {
    assertThat(ProcessHandle.current().descendants().filter(ProcessHandle::isAlive))
        .as("processes")
        .isEmpty();
    assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).doesNotContain("nex-rootfs");
  }
}
