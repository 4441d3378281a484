package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.ObjectBucket;
import io.nats.client.Connection;
import io.nats.client.JetStreamOptions;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A site with a mirror of the images' bucket, by {@code deploy/edge}, on two real servers. */
@Timeout(300)
@SuppressWarnings("try") // A connection's close() can be interrupted.
class EdgeIT {
  private static final Path CONF = Path.of("../deploy/edge");
  private static final String SERVER = "nats-server-current";
  private static final String STREAM = "OBJ_NEXROOTFS";

  @TempDir Path directory;

  @Test
  void nodesOfASiteFetchFromItsMirrorAlsoWhileTheHubIsAway() throws Exception {
    Command.require(SERVER);
    int leafPort = freePort();
    byte[] first = random(1, 12 << 20);
    byte[] second = random(2, 5 << 20);
    Path file = directory.resolve("rootfs.ext4");
    try (NatsServer hub = start("hub.conf", leafPort);
        NatsServer site = start("leaf.conf", leafPort)) {
      List<String> admin = List.of("--user", "admin", "--password", "admin");
      program("setup", hub.url(), admin.toArray(String[]::new)).orThrow();
      try (Connection there = connect(hub.url(), "admin");
          Connection here = NatsServer.connect(site.url())) {
        ObjectBucket images = new Buckets(there).open("NEXROOTFS");
        put(images, "build_1", first);
        images.link("rootfs_latest", "build_1");
        awaitDomain(site);
        Command.Result made = program("setup", site.url(), "--mirror-from", "hub");
        assertThat(made.exit()).as(made.output()).isZero();
        assertThat(made.output()).contains("mirror of bucket NEXROOTFS made");
        assertThat(program("setup", site.url(), "--mirror-from", "hub").output())
            .contains("mirror of bucket NEXROOTFS exists");
        awaitSame(there, here);
        fetch(site, file).orThrow();
        assertThat(Files.readAllBytes(file)).isEqualTo(first);

        // A link that moves at the hub moves here; the mirror keeps what the hub deletes.
        put(images, "build_2", second);
        images.link("rootfs_latest", "build_2");
        images.delete("build_1");
        awaitSame(there, here);
        fetch(site, file).orThrow();
        assertThat(Files.readAllBytes(file)).isEqualTo(second);
        assertThat(bytes(here)).isGreaterThan(first.length + second.length);
        program("gc", site.url(), "--mirror", "--min-age", "0").orThrow();
        assertThat(bytes(here)).isBetween((long) second.length, second.length + (1L << 20));

        // A site can write nothing at the hub.
        long before = messages(there);
        here.publish("$O.NEXROOTFS.C.forged", new byte[1]);
        // The same way, behind it.
        var unused =
            here.jetStreamManagement(JetStreamOptions.builder().domain("hub").build())
                .getStreamInfo(STREAM);
        assertThat(messages(there)).isEqualTo(before);
      }
      hub.close();
      Files.delete(file);
      fetch(site, file).orThrow();
      assertThat(Files.readAllBytes(file)).isEqualTo(second);
      Command.Result away = program("setup", site.url(), "--mirror-from", "hub");
      assertThat(away.exit()).isEqualTo(1);
      assertThat(away.output()).contains("the domain hub does not answer");
    }
  }

  /** The leaf connects in its own time. */
  private static void awaitDomain(NatsServer site) throws IOException {
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!site.log().contains("Leafnode connection created")
        && !site.log().contains("JetStream Domain: \"hub\"")) {
      assertThat(System.nanoTime()).as(site.log()).isLessThan(deadline);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
    }
  }

  private static void awaitSame(Connection there, Connection here) throws Exception {
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (last(here) < last(there)) {
      assertThat(System.nanoTime()).as("the mirror follows").isLessThan(deadline);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
    }
  }

  private static long last(Connection connection) throws Exception {
    return connection
        .jetStreamManagement()
        .getStreamInfo(STREAM)
        .getStreamState()
        .getLastSequence();
  }

  private static long bytes(Connection connection) throws Exception {
    return connection.jetStreamManagement().getStreamInfo(STREAM).getStreamState().getByteCount();
  }

  private static long messages(Connection connection) throws Exception {
    return connection.jetStreamManagement().getStreamInfo(STREAM).getStreamState().getMsgCount();
  }

  private NatsServer start(String name, int leafPort) throws IOException {
    String text = Files.readString(CONF.resolve(name));
    String own =
        text.replaceAll("(?m)^listen:.*$", "")
            .replace("127.0.0.1:7422", "127.0.0.1:" + leafPort)
            .replaceAll("store_dir: \"[^\"]+\", ", "");
    assertThat(own).contains(Integer.toString(leafPort)).doesNotContain("store_dir");
    Path conf = Files.writeString(directory.resolve(name), own);
    return NatsServer.start(SERVER, "-c", conf.toString());
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static Connection connect(String url, String user) throws Exception {
    return Nats.connect(new Options.Builder().server(url).userInfo(user, user).build());
  }

  private static Command.Result program(String command, String url, String... flags) {
    List<Object> words = new ArrayList<>(List.of(command, "--no-context", "--server", url));
    words.addAll(List.of(flags));
    return Program.run(words.toArray());
  }

  private static Command.Result fetch(NatsServer site, Path file) {
    return Program.run(
        "fetch", "rootfs:latest", "--output", file, "--no-context", "--server", site.url());
  }

  private static void put(ObjectBucket bucket, String name, byte[] bytes) throws IOException {
    var unused =
        bucket.putIfAbsent(name, "", Map.of(), () -> new ByteArrayInputStream(bytes), done -> {});
  }

  private static byte[] random(int seed, int size) {
    byte[] bytes = new byte[size];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }
}
