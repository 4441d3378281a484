package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.registry.ScriptedRegistry;
import dev.nexrootfs.registry.ScriptedRegistry.Reply;
import dev.nexrootfs.registry.ScriptedRegistry.Seen;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Pulls that are killed, run side by side, or meet a full disk; and pools that share blobs. */
@Timeout(180)
class SharedCacheIT {
  private static final int LAYER_BYTES = 6 << 20;

  @TempDir Path directory;
  private final ScriptedRegistry registry = ScriptedRegistry.start();
  private final List<byte[]> blobs = new ArrayList<>();
  private byte[] manifest = new byte[0];

  SharedCacheIT() throws IOException {}

  /** An image of two layers of six mebibytes that do not compress. */
  @BeforeEach
  void serve() throws IOException {
    StringBuilder layers = new StringBuilder();
    StringBuilder diffIds = new StringBuilder();
    for (int i = 0; i < 2; i++) {
      byte[] content = new byte[LAYER_BYTES];
      new Random(i).nextBytes(content);
      byte[] tar = new Tar().directory("sbin/").file("file-" + i, content).bytes();
      byte[] blob = OciImages.gzip(tar);
      blobs.add(blob);
      layers
          .append(i == 0 ? "" : ",")
          .append(descriptor("application/vnd.oci.image.layer.v1.tar+gzip", blob));
      diffIds.append(i == 0 ? "\"" : ",\"").append(Digest.sha256(tar)).append('"');
    }
    byte[] config =
        utf8(
            "{\"created\":\"2024-01-01T00:00:00Z\",\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["
                + diffIds
                + "]}}");
    blobs.add(config);
    manifest =
        utf8(
            "{\"schemaVersion\":2,\"config\":"
                + descriptor("application/vnd.oci.image.config.v1+json", config)
                + ",\"layers\":["
                + layers
                + "]}");
    Reply reply =
        ScriptedRegistry.body(
            200,
            manifest,
            "Content-Type",
            "application/vnd.oci.image.manifest.v1+json",
            "Docker-Content-Digest",
            Digest.sha256(manifest).toString());
    registry
        .on("HEAD /v2/a/manifests/t", reply)
        .on("GET /v2/a/manifests/" + Digest.sha256(manifest), reply);
    for (byte[] blob : blobs) {
      registry.on("GET " + path(blob), ScriptedRegistry.ranged(blob));
    }
  }

  @AfterEach
  void stop() {
    registry.close();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String descriptor(String type, byte[] blob) {
    return String.format(
        "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%d}",
        type, Digest.sha256(blob), blob.length);
  }

  private static String path(byte[] blob) {
    return "/v2/a/blobs/" + Digest.sha256(blob);
  }

  private List<Object> pull(Path cache) {
    return Program.words(
        List.of(),
        "pull",
        registry.host() + "/a:t",
        "--plain-http",
        registry.host(),
        "--cache",
        cache);
  }

  private Process start(Path cache, String log) throws IOException {
    return new ProcessBuilder(pull(cache).stream().map(Object::toString).toList())
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve(log).toFile())
        .start();
  }

  /** Every file of the cache is what its name says. */
  private static void checkCache(Path cache) throws IOException {
    try (Stream<Path> files = Files.walk(cache)) {
      List<Path> stored =
          files
              .filter(Files::isRegularFile)
              .filter(file -> file.toString().contains("/sha256/"))
              .toList();
      assertThat(stored).isNotEmpty();
      for (Path file : stored) {
        assertThat(Digest.sha256(Files.readAllBytes(file)).hex())
            .isEqualTo(file.getFileName().toString());
      }
    }
  }

  @Test
  void pullThatWasKilledGoesOnWhereItStopped() throws Exception {
    Path cache = directory.resolve("cache");
    byte[] slow = blobs.get(0);
    registry.on(
        "GET " + path(slow), registry.stalled(slow, 2 << 20), ScriptedRegistry.ranged(slow));
    Process killed = start(cache, "killed.log");
    Path part = cache.resolve("ingest/blobs-sha256-" + Digest.sha256(slow).hex() + ".part");
    while (!Files.exists(part) || Files.size(part) < 2 << 20) {
      assertThat(killed.isAlive()).as(Files.readString(directory.resolve("killed.log"))).isTrue();
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
    killed.destroyForcibly().waitFor();
    assertThat(Command.of(pull(cache).toArray()).run().orThrow().output())
        .contains("layers     2 of ");
    List<Seen> asked = registry.seen("GET", path(slow));
    assertThat(asked).hasSize(2);
    assertThat(asked.get(1).header("Range")).contains("bytes=" + (2 << 20) + "-");
    checkCache(cache);
    assertThat(cache.resolve("ingest")).isEmptyDirectory();
  }

  @Test
  void twoProcessesWithOneCacheDownloadEachBlobOnce() throws Exception {
    Path cache = directory.resolve("cache");
    Process one = start(cache, "one.log");
    Process two = start(cache, "two.log");
    assertThat(one.waitFor()).as(Files.readString(directory.resolve("one.log"))).isZero();
    assertThat(two.waitFor()).as(Files.readString(directory.resolve("two.log"))).isZero();
    for (byte[] blob : blobs) {
      assertThat(registry.seen("GET", path(blob))).hasSize(1);
    }
    checkCache(cache);
  }

  @Test
  void fullDiskIsAClearErrorAndLeavesOnlyPartsToGoOnWith() throws Exception {
    org.junit.jupiter.api.Assumptions.assumeTrue(
        Command.of("id", "-u").run().output().strip().equals("0"), "needs root, to mount a tmpfs");
    Path disk = Files.createDirectory(directory.resolve("disk"));
    Command.of("mount", "-t", "tmpfs", "-o", "size=9m", "tmpfs", disk).run().orThrow();
    try {
      Command.Result full = Command.of(pull(disk).toArray()).run();
      assertThat(full.exit()).isEqualTo(1);
      assertThat(full.output()).contains("WORKER_IO", "No space left on device");
      assertThat(full.output()).doesNotContain("\tat ");
      try (Stream<Path> files = Files.walk(disk)) {
        assertThat(
                files
                    .filter(Files::isRegularFile)
                    .map(file -> file.getFileName().toString())
                    .filter(name -> !name.equals("locks"))
                    .filter(name -> !name.startsWith("blobs-sha256-")))
            .allMatch(name -> name.matches("[0-9a-f]{64}"));
      }
      Command.of("mount", "-o", "remount,size=64m", disk).run().orThrow();
      Command.of(pull(disk).toArray()).run().orThrow();
      checkCache(disk);
    } finally {
      Command.of("umount", disk).run().orThrow();
    }
  }

  @Test
  void cacheOfAFewMebibytesIsNeverLargerThanItMayBe() throws Exception {
    Path cache = directory.resolve("cache");
    List<Object> words = new ArrayList<>(pull(cache));
    words.addAll(List.of("--cache-bytes", "8MiB"));
    Command.Result full = Command.of(words.toArray()).run();
    assertThat(full.exit()).isEqualTo(1);
    assertThat(full.output()).contains("CACHE_FULL", "--cache-bytes");
    try (Stream<Path> files = Files.walk(cache)) {
      assertThat(files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum())
          .isLessThan(8 << 20);
    }
  }

  @Test
  void poolAsksTheRegistryOnceForEachBlob() throws Exception {
    Path agent = Files.write(directory.resolve("agent"), Elf.amd64());
    try (NatsServer server = NatsServer.start()) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      try (Program one = worker(server, "one");
          Program two = worker(server, "two")) {
        List<Process> requests = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
          // Different sizes, so that no build answers for another.
          List<Object> words =
              Program.words(
                  List.of(),
                  "request",
                  "--no-context",
                  "--server",
                  server.url(),
                  "--image",
                  registry.host() + "/a:t",
                  "--agent",
                  agent,
                  "--size",
                  (64 + i) + "MiB");
          requests.add(
              new ProcessBuilder(words.stream().map(Object::toString).toList())
                  .redirectErrorStream(true)
                  .redirectOutput(directory.resolve("request-" + i).toFile())
                  .start());
        }
        for (int i = 0; i < requests.size(); i++) {
          assertThat(requests.get(i).waitFor())
              .as(Files.readString(directory.resolve("request-" + i)) + one.log() + two.log())
              .isZero();
        }
        assertThat(one.log()).contains("cached false");
        assertThat(two.log()).contains("cached false");
        for (byte[] blob : blobs) {
          assertThat(registry.seen("GET", path(blob))).hasSize(1);
        }
        checkCache(directory.resolve("one"));
        checkCache(directory.resolve("two"));
      }
    }
  }

  private Program worker(NatsServer server, String cache) throws IOException {
    return Program.worker(
        server.url(),
        directory.resolve(cache),
        List.of(),
        Map.of(),
        "--plain-http",
        registry.host(),
        "--allow-registry",
        registry.host());
  }
}
