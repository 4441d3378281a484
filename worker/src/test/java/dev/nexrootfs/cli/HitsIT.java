package dev.nexrootfs.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
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
  private static final int FAR_REQUESTS = 400;
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
      P99 near = p99(client, server.url(), "near", REQUESTS);
      P99 far;
      try (DelayingProxy proxy = new DelayingProxy(server.url(), ONE_WAY_MILLIS)) {
        far = p99(client, proxy.url(), "far", FAR_REQUESTS);
      }
      System.out.printf(
          "HitsIT: p99 %.1f ms (a read of the stream %.1f), with a round trip of 10 ms %.1f (%.1f)%n",
          near.hit(), near.read(), far.hit(), far.read());
      // What a read takes beside them is the machine's and the server's; a hit is three round
      // trips.
      assertThat(near.hit()).isLessThan(20 + 3 * near.read());
      // The request's own way to the worker and back is one more.
      assertThat(far.hit()).isLessThan(20 + 3 * far.read() + 3 * 2 * ONE_WAY_MILLIS);
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

  /**
   * Milliseconds that all but a hundredth are faster than.
   *
   * @param read of one message of a stream, by the client itself, in turn with the hits
   */
  private record P99(double hit, double read) {}

  private P99 p99(Connection client, String url, String name, int requests) throws Exception {
    byte[] question = "{\"last_by_subj\":\"$KV.NEXROOTFS_BUILDS.none\"}".getBytes(UTF_8);
    try (Program worker = worker(url, name)) {
      ask(client);
      double[] hits = new double[requests];
      double[] reads = new double[requests];
      // As many before warm the worker up, as in a service that runs for longer than a second.
      for (int i = -requests; i < requests; i++) {
        long start = System.nanoTime();
        BuildReply reply = ask(client);
        if (i >= 0) {
          assertThat(reply.cached()).isTrue();
          hits[i] = millisSince(start);
          start = System.nanoTime();
          assertThat(
                  client.request(
                      "$JS.API.STREAM.MSG.GET.KV_NEXROOTFS_BUILDS",
                      question,
                      Duration.ofSeconds(10)))
              .isNotNull();
          reads[i] = millisSince(start);
        }
      }
      assertThat(worker.stop()).isZero();
      Arrays.sort(hits);
      Arrays.sort(reads);
      return new P99(hits[requests * 99 / 100], reads[requests * 99 / 100]);
    }
  }

  private static double millisSince(long start) {
    return (System.nanoTime() - start) / (double) TimeUnit.MILLISECONDS.toNanos(1);
  }
}
