package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.MeteredProxy;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.ObjectBucket;
import io.nats.client.Connection;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code nex-rootfs fetch} as a process, on a real server that fails in all the ways it can. */
@Timeout(600)
class FetchIT {
  private static final int SIZE = 48 << 20;
  private static final String BUCKET = "NEXROOTFS";

  /** What one chunk and the talk around it take, and what is on its way when a connection ends. */
  private static final long SLACK = 8 << 20;

  @TempDir Path directory;

  private final NatsServer server;
  private final Connection connection;
  private final ObjectBucket bucket;

  FetchIT() throws Exception {
    server = NatsServer.start();
    connection = NatsServer.connect(server.url());
    Buckets buckets = new Buckets(connection);
    buckets.create(BUCKET, "test", -1, 1);
    bucket = buckets.open(BUCKET);
  }

  @AfterEach
  void stop() throws Exception {
    connection.close();
    server.close();
  }

  @Test
  void everyNameOfAnImageLeadsToIt() throws Exception {
    byte[] bytes = random(1, 300_000);
    put("build_1", bytes);
    bucket.link("rootfs_v1", "build_1");
    bucket.link("rootfs", "build_1");
    bucket.link("other_latest", "build_1");
    String digest = Digest.sha256(bytes).text();
    for (String name :
        List.of(
            "build_1",
            "rootfs:v1",
            "rootfs_v1",
            "rootfs",
            "other",
            "nats://NEXROOTFS/rootfs:v1",
            "nats://NEXROOTFS/rootfs@" + digest,
            "rootfs:v1@" + digest)) {
      Path file = directory.resolve("file");
      Command.Result result = fetch(server.url(), name, file);
      assertThat(result.exit()).as(name + result.output()).isZero();
      assertThat(result.output()).contains("fetched", "nats://NEXROOTFS/build_1", digest);
      assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
      Files.delete(file);
    }
    Path none = directory.resolve("none");
    assertThat(fetch(server.url(), "rootfs:v2", none).exit()).isEqualTo(3);
    assertThat(fetch(server.url(), "nothing", none).exit()).isEqualTo(3);
    Command.Result other = fetch(server.url(), "rootfs@sha256:" + "0".repeat(64), none);
    assertThat(other.exit()).isEqualTo(1);
    assertThat(other.output()).contains("is asked for");
    assertThat(names()).isEmpty();
  }

  @Test
  void imageOf2GibibytesWith60MegabytesInItTakesThatMuchOfTheDisk() throws Exception {
    Command.require("nats-server-current");
    // Compressed on the server's disk, so that the test needs no two gibibytes there.
    try (NatsServer current = NatsServer.start("nats-server-current", "-js")) {
      Program.run("setup", "--no-context", "--server", current.url()).orThrow();
      Connection client = NatsServer.connect(current.url());
      new Buckets(client)
          .open(BUCKET)
          .putIfAbsent("large", "", Map.of(), FetchIT::mostlyZeros, bytes -> {});
      client.close();
      Path file = directory.resolve("large");
      Command.Result result = fetch(current.url(), "large", file);
      assertThat(result.exit()).as(result.output()).isZero();
      assertThat(Files.size(file)).isEqualTo(2L << 30);
      assertThat(bytesOnDisk(file)).isBetween(60_000_000L, 64_000_000L);
      Path expected = directory.resolve("expected");
      try (InputStream in = mostlyZeros()) {
        Files.copy(in, expected);
      }
      Command.of("cmp", file, expected).run().orThrow();
    }
  }

  /** 60 pieces of a megabyte, far from each other, in 2 GiB. */
  private static InputStream mostlyZeros() {
    long each = (2L << 30) / 64;
    List<InputStream> parts = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      parts.add(new ByteArrayInputStream(i < 60 ? random(i, 1_000_000) : new byte[1_000_000]));
      parts.add(new Zeros(each - 1_000_000));
    }
    return new SequenceInputStream(Collections.enumeration(parts));
  }

  /** Zeros without an array of them. */
  private static final class Zeros extends InputStream {
    private long left;

    Zeros(long count) {
      left = count;
    }

    @Override
    public int read() {
      return left-- > 0 ? 0 : -1;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) {
      if (left <= 0) {
        return -1;
      }
      int count = (int) Math.min(length, left);
      java.util.Arrays.fill(bytes, offset, offset + count, (byte) 0);
      left -= count;
      return count;
    }
  }

  @Test
  void connectionThatIsCutEach10MegabytesGoesOnWithTheNextChunk() throws Exception {
    byte[] bytes = random(2, SIZE);
    put("image", bytes);
    try (MeteredProxy proxy = new MeteredProxy(server.url(), 10_000_000)) {
      Path file = directory.resolve("file");
      Command.Result result = fetch(proxy.url(), "image", file);
      assertThat(result.exit()).as(result.output()).isZero();
      assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
      assertThat(proxy.connections()).isGreaterThanOrEqualTo(SIZE / 10_000_000 + 1);
      // Each cut loses what was on its way; from the start each time, it would never end.
      assertThat(proxy.bytes()).isLessThan(SIZE + 6 * SLACK);
      assertThat(result.output()).contains("parts");
    }
  }

  @Test
  void serverThatIsKilledAndStartedAgainIsWaitedFor() throws Exception {
    String program = NatsServer.program().orElse("");
    org.junit.jupiter.api.Assumptions.assumeTrue(
        !program.isEmpty(), "needs a nats-server program to kill");
    byte[] bytes = random(3, SIZE);
    put("image", bytes);
    try (MeteredProxy proxy = new MeteredProxy(server.url(), 0)) {
      proxy.at(SIZE / 2, () -> restart(program));
      Path file = directory.resolve("file");
      Command.Result result = fetch(proxy.url(), "image", file);
      assertThat(result.exit()).as(result.output()).isZero();
      assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
      assertThat(result.output()).contains("in 2 parts");
      assertThat(proxy.bytes()).isLessThan(SIZE + SIZE / 2);
    }
  }

  private void restart(String program) {
    try {
      server.killAndRestart(program);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void objectThatIsReplacedMeanwhileIsFetchedAsTheNewOne() throws Exception {
    byte[] old = random(4, SIZE);
    byte[] bytes = random(5, SIZE / 2);
    connection.objectStore(BUCKET).put("image", new ByteArrayInputStream(old));
    try (MeteredProxy proxy = new MeteredProxy(server.url(), 0)) {
      proxy.at(SIZE / 8, () -> replace(bytes));
      Path file = directory.resolve("file");
      Command.Result result = fetch(proxy.url(), "image", file);
      assertThat(result.exit()).as(result.output()).isZero();
      assertThat(result.output()).contains("replaced while it was read; beginning anew");
      assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
      assertThat(names()).containsExactly("file");
    }
  }

  private void replace(byte[] bytes) {
    try {
      var unused = connection.objectStore(BUCKET).put("image", new ByteArrayInputStream(bytes));
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void imageThatIsDeletedMeanwhileOrDamagedLeavesTheOldFile() throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "old");
    put("image", random(6, SIZE));
    try (MeteredProxy proxy = new MeteredProxy(server.url(), 0)) {
      proxy.at(SIZE / 8, this::delete);
      assertThat(fetch(proxy.url(), "image", file).exit()).isEqualTo(3);
    }
    put("damaged", random(7, 2 << 20));
    long last =
        connection
            .jetStreamManagement()
            .getStreamInfo("OBJ_" + BUCKET)
            .getStreamState()
            .getLastSequence();
    connection.jetStreamManagement().deleteMessage("OBJ_" + BUCKET, last - 3);
    Command.Result result = fetch(server.url(), "damaged", file);
    assertThat(result.exit()).isEqualTo(1);
    assertThat(result.output()).contains("has lost 1 of its 8 chunks");
    assertThat(file).hasContent("old");
    assertThat(names()).containsExactly("file");
  }

  private void delete() {
    try {
      bucket.delete("image");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void fullDiskLeavesTheOldFileAndNothingElse() throws Exception {
    org.junit.jupiter.api.Assumptions.assumeTrue(
        Command.of("mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", directory).run().exit() == 0,
        "needs root and the right to mount a tmpfs");
    try {
      Path file = Files.writeString(directory.resolve("file"), "old");
      put("image", random(8, SIZE));
      Command.Result result = fetch(server.url(), "image", file);
      assertThat(result.exit()).isEqualTo(1);
      assertThat(result.output()).contains("file.new cannot be written: No space left on device");
      assertThat(file).hasContent("old");
      assertThat(names()).containsExactly("file");
    } finally {
      Command.of("umount", directory).run().orThrow();
    }
  }

  @Test
  void fetchThatIsKilledAtAnyMomentLeavesTheOldFileOrTheNewOne() throws Exception {
    byte[][] images = {random(9, SIZE / 2), random(10, SIZE / 2)};
    put("image0", images[0]);
    put("image1", images[1]);
    Path file = Files.write(directory.resolve("file"), images[1]);
    Random random = new Random(1);
    int old = 0;
    int whole = 0;
    try (MeteredProxy proxy = new MeteredProxy(server.url(), 0)) {
      for (int round = 0; round < 12; round++) {
        CompletableFuture<Process> victim = new CompletableFuture<>();
        proxy.reset();
        if (round % 3 != 2) {
          proxy.at(1 + random.nextInt(SIZE / 2), () -> victim.join().destroyForcibly());
        } else {
          // All has come; it is written to the disk, named, or done.
          int wait = random.nextInt(40);
          proxy.at(SIZE / 2, () -> killSoon(victim, wait));
        }
        victim.complete(start(proxy.url(), "image" + round % 2, file));
        assertThat(victim.join().waitFor(120, TimeUnit.SECONDS)).isTrue();
        byte[] now = Files.readAllBytes(file);
        boolean isNew = java.util.Arrays.equals(now, images[round % 2]);
        assertThat(isNew || java.util.Arrays.equals(now, images[1 - round % 2]))
            .as("round " + round)
            .isTrue();
        whole += isNew ? 1 : 0;
        old += isNew ? 0 : 1;
      }
    }
    assertThat(old).isPositive();
    assertThat(old + whole).isEqualTo(12);
    assertThat(fetch(server.url(), "image0", file).exit()).isZero();
    assertThat(Files.readAllBytes(file)).isEqualTo(images[0]);
    assertThat(names()).containsExactly("file");
  }

  private static void killSoon(CompletableFuture<Process> victim, int millis) {
    Thread killer =
        new Thread(
            () -> {
              try {
                Thread.sleep(millis);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
              victim.join().destroyForcibly();
            });
    killer.setDaemon(true);
    killer.start();
  }

  @Test
  void fileThatHoldsTheImageIsLeftAndNothingIsDownloaded() throws Exception {
    byte[] bytes = random(11, SIZE);
    put("image", bytes);
    Path file = directory.resolve("file");
    try (MeteredProxy proxy = new MeteredProxy(server.url(), 0)) {
      assertThat(fetch(proxy.url(), "image", file, "--if-changed").output()).contains("fetched");
      // With the note of its digest; without one; changed under the same size.
      Path copy = directory.resolve("copy");
      Command.of("cp", file, copy).run().orThrow();
      for (Path same : List.of(file, copy)) {
        proxy.reset();
        Command.Result result = fetch(proxy.url(), "image", same, "--if-changed");
        assertThat(result.exit()).as(result.output()).isZero();
        assertThat(result.output()).contains("unchanged");
        assertThat(proxy.bytes()).isLessThan(100_000);
      }
      Command.of("sh", "-c", "printf x | dd of=\"$0\" bs=1 seek=7 conv=notrunc", file)
          .run()
          .orThrow();
      assertThat(fetch(proxy.url(), "image", file, "--if-changed").output()).contains("fetched");
      assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
    }
  }

  @Test
  void timeThatIsOverIsAStatusOfItsOwnAndLeavesTheOldFile() throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "old");
    put("image", random(12, SIZE));
    Command.Result nobody = fetch("nats://127.0.0.1:9", "image", file, "--timeout", "3");
    assertThat(nobody.exit()).as(nobody.output()).isEqualTo(5);
    try (MeteredProxy proxy = new MeteredProxy(server.url(), 0)) {
      // The server stays away in the middle.
      proxy.at(SIZE / 2, this::close);
      Command.Result half = fetch(proxy.url(), "image", file, "--timeout", "8");
      assertThat(half.exit()).as(half.output()).isEqualTo(5);
      assertThat(half.output()).contains("bytes came within the time", "is left as it was");
    }
    assertThat(file).hasContent("old");
    assertThat(names()).containsExactly("file");
  }

  private void close() {
    try {
      server.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Command.Result fetch(String url, String name, Path file, String... flags) {
    return Command.of(words(url, name, file, flags).toArray()).timeout(300).run();
  }

  private static Process start(String url, String name, Path file) throws IOException {
    List<String> words = words(url, name, file).stream().map(Object::toString).toList();
    return new ProcessBuilder(words)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  private static List<Object> words(String url, String name, Path file, String... flags) {
    List<Object> words =
        new ArrayList<>(
            Program.words(
                List.of("-Xmx256m"),
                "fetch",
                name,
                "--output",
                file,
                "--no-context",
                "--server",
                url));
    words.addAll(List.of(flags));
    return words;
  }

  private void put(String name, byte[] bytes) throws IOException {
    var unused =
        bucket.putIfAbsent(name, "", Map.of(), () -> new ByteArrayInputStream(bytes), done -> {});
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }

  private static long bytesOnDisk(Path file) {
    String[] numbers =
        Command.of("stat", "-c", "%b %B", file).run().orThrow().output().strip().split(" ", -1);
    return Long.parseLong(numbers[0]) * Long.parseLong(numbers[1]);
  }

  private static byte[] random(int seed, int size) {
    byte[] bytes = new byte[size];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }
}
