package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.DelayingProxy;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.store.Buckets;
import io.nats.client.Connection;
import io.nats.client.Message;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Requests for what was built before. */
@SuppressWarnings("try") // A connection's close() can be interrupted.
@Tag("alone")
class HitsIT {
  private static final int REQUESTS = 1000;
  private static final int ONE_WAY_MILLIS = 5;

  @TempDir Path directory;

  @Test
  void hitsAreAnsweredInMillisecondsAndInTwoRoundTripsMoreFromFarAway() throws Exception {
    OciImages.in(directory.resolve("base"))
        .layer(
            new Tar()
                .directory("etc/")
                .file("sbin/init", "#!")
                .file("sbin/openrc-run", "#!")
                .bytes())
        .write();
    try (NatsServer server = NatsServer.start();
        Connection client = NatsServer.connect(server.url())) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      agent(client, Elf.amd64());
      double near = p99(client, server.url(), "near");
      double far;
      try (DelayingProxy proxy = new DelayingProxy(server.url(), ONE_WAY_MILLIS)) {
        far = p99(client, proxy.url(), "far");
      }
      System.out.printf("HitsIT: p99 %.1f ms, with a round trip of 10 ms %.1f ms%n", near, far);
      assertThat(near).isLessThan(20);
      // The request's own way to the worker and back is one more.
      assertThat(far).isLessThan(20 + 3 * 2 * ONE_WAY_MILLIS);
    }
  }

  @Test
  void agentThatIsReplacedIsNoHit() throws Exception {
    OciImages.in(directory.resolve("base")).layer(new Tar().directory("etc/").bytes()).write();
    try (NatsServer server = NatsServer.start();
        Connection client = NatsServer.connect(server.url())) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      agent(client, Elf.amd64());
      try (Program worker = worker(server.url(), "one")) {
        BuildReply first = ask(client);
        assertThat(ask(client).digest()).isEqualTo(first.digest());
        agent(client, Arrays.copyOf(Elf.amd64(), 70_000));
        BuildReply other = ask(client);
        assertThat(other.cached()).isFalse();
        assertThat(other.digest()).isNotEqualTo(first.digest());
        // And the object itself: a record without it is worth nothing.
        new Buckets(client).open("NEXROOTFS").delete(other.object());
        assertThat(ask(client).cached()).isFalse();
        assertThat(ask(client).cached()).isTrue();
        assertThat(worker.stop()).isZero();
      }
    }
  }

  private static void agent(Connection client, byte[] bytes) throws Exception {
    var inputs = new Buckets(client).open("NEXINPUTS");
    if (inputs.find("agent").isPresent()) {
      inputs.delete("agent");
    }
    inputs.putIfAbsent("agent", "", Map.of(), () -> new ByteArrayInputStream(bytes), done -> {});
  }

  private Program worker(String url, String name) throws Exception {
    return Program.worker(
        url,
        directory.resolve("cache-" + name),
        List.of(),
        Map.of(),
        "--name",
        name,
        "--allow-path",
        directory.toString());
  }

  private BuildReply ask(Connection client) throws Exception {
    String json =
        "{\"image\":\"oci:"
            + directory.resolve("base")
            + "\",\"agent\":\"nats://NEXINPUTS/agent\",\"guest\":\"nex\",\"size\":33554432}";
    Message answer =
        client.request(
            "nex.rootfs.build", json.getBytes(StandardCharsets.UTF_8), Duration.ofSeconds(60));
    assertThat(answer).isNotNull();
    String text = new String(answer.getData(), StandardCharsets.UTF_8);
    assertThat(text).contains("\"location\"");
    return Protocol.read(answer.getData(), BuildReply.class);
  }

  private double p99(Connection client, String url, String name) throws Exception {
    try (Program worker = worker(url, name)) {
      ask(client);
      double[] millis = new double[REQUESTS];
      // The first thousand warm the worker up, as in a service that runs for longer than a second.
      for (int i = -REQUESTS; i < REQUESTS; i++) {
        long start = System.nanoTime();
        BuildReply reply = ask(client);
        if (i >= 0) {
          assertThat(reply.cached()).isTrue();
          millis[i] = (System.nanoTime() - start) / (double) TimeUnit.MILLISECONDS.toNanos(1);
        }
      }
      assertThat(worker.stop()).isZero();
      Arrays.sort(millis);
      return millis[REQUESTS * 99 / 100];
    }
  }
}
