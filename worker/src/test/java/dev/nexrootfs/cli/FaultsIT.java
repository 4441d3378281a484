package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.NatsCluster;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.ObjectBucket;
import dev.nexrootfs.store.ObjectDownload;
import dev.nexrootfs.store.StoreException;
import dev.nexrootfs.store.StoredObject;
import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Subscription;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two hundred requests at four workers while things die. */
@Timeout(400)
class FaultsIT {
  private static final Duration JETSTREAM_AWAY = Duration.ofSeconds(12);
  private static final int WORKERS = 4;
  private static final int REQUESTS = 200;
  private static final int IMAGES = 50;
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  /** By then another worker has answered, if anybody has the request at all. */
  private static final Duration RESEND = Duration.ofSeconds(45);

  private static final Duration QUIET = Duration.ofSeconds(30);

  private static final Pattern BUILT =
      Pattern.compile("nats://NEXROOTFS/(build_[0-9a-f]{64}) .* cached false");

  private static final Pattern LOST =
      Pattern.compile("object (build_[0-9a-f]{64}) of bucket NEXROOTFS has lost chunks");

  @TempDir Path directory;

  private long size = 24 << 20;
  private final List<String> logs = new ArrayList<>();
  private final List<Program> started = new ArrayList<>();

  /** What goes wrong, a step at a time, until there is nothing left to do. */
  private interface Fault {
    /** Does the next harm; whether more is to come. */
    boolean next() throws Exception;
  }

  private static final class Asked {
    final String json;
    final Subscription answers;
    Optional<BuildReply> reply = Optional.empty();

    Asked(String json, Subscription answers) {
      this.json = json;
      this.answers = answers;
    }
  }

  @Test
  void everyRequestIsAnsweredRightWhileWorkersAreKilled() throws Exception {
    try (NatsServer server = NatsServer.start(NatsServer.program().orElseThrow(), "-js")) {
      setUp(server.url(), 1);
      Program[] workers = start(server.url());
      Random random = seeded();
      int[] kills = {0};
      Fault fault =
          () -> {
            int victim = random.nextInt(WORKERS);
            workers[victim].kill();
            logs.add(workers[victim].log());
            workers[victim] = worker(server.url(), victim);
            return ++kills[0] < 8;
          };
      run(server.url(), workers, fault, kills);
    }
  }

  @Test
  void everyRequestIsAnsweredRightWhileTheServerIsKilled() throws Exception {
    String program = NatsServer.program().orElseThrow();
    try (NatsServer server = NatsServer.start(program, "-js")) {
      setUp(server.url(), 1);
      Program[] workers = start(server.url());
      int[] kills = {0};
      Fault fault =
          () -> {
            server.killAndRestart(program);
            return ++kills[0] < 3;
          };
      run(server.url(), workers, fault, kills);
    }
  }

  @Test
  void everyRequestIsAnsweredRightWhileServersOfAClusterGo() throws Exception {
    try (NatsCluster cluster = NatsCluster.start(NatsServer.program().orElseThrow())) {
      setUp(cluster.urls(), 3);
      Program[] workers = start(cluster.urls());
      int[] kills = {0};
      Fault fault =
          () -> {
            switch (++kills[0]) {
              case 1 -> cluster.killLeaderAndRestart("OBJ_NEXROOTFS");
              case 2 -> cluster.retireLeaderAndRestart("KV_NEXROOTFS_BUILDS");
              case 3 -> cluster.killTwo();
              default -> cluster.restartTwo(JETSTREAM_AWAY);
            }
            return kills[0] < 4;
          };
      size = 8 << 20;
      run(cluster.urls(), workers, fault, kills);
    }
  }

  private static Random seeded() {
    long seed = Long.getLong("nex-rootfs.seed", System.nanoTime());
    System.out.println("FaultsIT: -Dnex-rootfs.seed=" + seed);
    return new Random(seed);
  }

  private void setUp(String url, int replicas) throws Exception {
    Program.run("setup", "--no-context", "--server", url, "--replicas", replicas).orThrow();
    OciImages.in(directory.resolve("base")).layer(new Tar().directory("etc/").bytes()).write();
  }

  private Program[] start(String url) throws Exception {
    Program[] workers = new Program[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
      workers[i] = worker(url, i);
    }
    return workers;
  }

  private Program worker(String url, int number) throws Exception {
    Program worker =
        Program.worker(
            url,
            directory.resolve("cache-" + number),
            List.of("-Xmx256m", "-XX:TieredStopAtLevel=1"),
            Map.of(),
            "--slots",
            "2",
            "--name",
            "w" + number,
            "--allow-path",
            directory.toString());
    started.add(worker);
    return worker;
  }

  /** Also after a failure: a worker goes on looking for its server, and would find another's. */
  @AfterEach
  void stop() throws Exception {
    for (Program worker : started) {
      worker.close();
    }
  }

  private void run(String url, Program[] workers, Fault fault, int[] kills) throws Exception {
    Options options =
        new Options.Builder()
            .servers(url.split(",", -1))
            .maxReconnects(-1)
            .reconnectWait(Duration.ofMillis(200))
            .errorListener(new ErrorListener() {})
            .build();
    Connection client = Nats.connect(options);
    List<Asked> all = new ArrayList<>();
    boolean more = true;
    for (int i = 0; i < REQUESTS; i++) {
      String json =
          "{\"image\":\"oci:"
              + directory.resolve("base")
              + "\",\"guest\":\"plain\",\"size\":"
              + (size + i % IMAGES * 4096L)
              + "}";
      Asked asked = new Asked(json, client.subscribe(client.createInbox()));
      all.add(asked);
      send(client, asked);
      collect(client, all, Duration.ofMillis(20));
      if (i % 20 == 19 && more) {
        more = fault.next();
      }
    }
    while (more) {
      more = fault.next();
    }
    int resent = awaitAll(client, all);
    // A request that was on its way to a program that died then is its sender's to repeat.
    assertThat(resent).as("requests sent again").isLessThanOrEqualTo(10 * kills[0]);
    check(client, all);
    for (Program worker : workers) {
      assertThat(worker.stop()).isZero();
      logs.add(worker.log());
    }
    checkBuiltOnce();
    client.close();
  }

  private static void send(Connection client, Asked asked) {
    client.publish(
        "nex.rootfs.build",
        asked.answers.getSubject(),
        asked.json.getBytes(StandardCharsets.UTF_8));
  }

  private static void collect(Connection client, List<Asked> all, Duration wait) throws Exception {
    Duration patience = wait;
    for (Asked asked : all) {
      if (asked.reply.isEmpty()) {
        Message answer = asked.answers.nextMessage(patience);
        patience = Duration.ofMillis(1);
        if (answer != null && answer.isStatusMessage()) {
          send(client, asked); // the workers are not back yet, and the server says so
        } else if (answer != null) {
          assertThat(new String(answer.getData(), StandardCharsets.UTF_8)).contains("\"location\"");
          asked.reply = Optional.of(Protocol.read(answer.getData(), BuildReply.class));
        }
      }
    }
  }

  /** Waits for every answer; what has none after a while is sent again, and counted. */
  private static int awaitAll(Connection client, List<Asked> all) throws Exception {
    int resent = 0;
    long start = System.nanoTime();
    long next = start + RESEND.toNanos();
    while (all.stream().anyMatch(asked -> asked.reply.isEmpty())) {
      collect(client, all, Duration.ofMillis(100));
      if (System.nanoTime() > next) {
        next = System.nanoTime() + RESEND.toNanos();
        for (Asked asked : all) {
          if (asked.reply.isEmpty()) {
            send(client, asked);
            resent++;
          }
        }
      }
      assertThat(System.nanoTime() - start).as("time").isLessThan(PATIENCE.toNanos() * 2);
    }
    System.out.println(
        "FaultsIT: "
            + all.size()
            + " answers, "
            + resent
            + " requests sent again, last after "
            + Duration.ofNanos(System.nanoTime() - start).toMillis()
            + " ms");
    return resent;
  }

  private static void check(Connection client, List<Asked> all) throws Exception {
    Map<Long, String> digests = new HashMap<>();
    ObjectBucket bucket = new Buckets(client).open("NEXROOTFS");
    for (Asked asked : all) {
      BuildReply reply = asked.reply.orElseThrow();
      String known = digests.putIfAbsent(reply.size(), reply.digest());
      if (known != null) {
        assertThat(reply.digest()).isEqualTo(known);
        continue;
      }
      assertThat(digest(bucket, reply.object())).isEqualTo(reply.digest());
    }
    assertThat(digests).hasSize(IMAGES);
  }

  /** Reads an object as {@code fetch} does. */
  private static String digest(ObjectBucket bucket, String object) throws Exception {
    StoredObject stored = bucket.find(object).orElseThrow();
    MessageDigest computation = Digest.newSha256();
    OutputStream target = new DigestOutputStream(OutputStream.nullOutputStream(), computation);
    try {
      bucket.read(stored, ObjectDownload.Way.CONSUMER, target, QUIET);
    } catch (StoreException e) {
      assertThat(e.reason()).as(e.getMessage()).isEqualTo(StoreException.Reason.LEFT_OUT);
      System.out.println("FaultsIT: " + e.getMessage());
      computation.reset();
      bucket.read(stored, ObjectDownload.Way.LEADER, target, QUIET);
    }
    return Digest.ofSha256(computation.digest()).text();
  }

  /**
   * A worker that died while it built has not said that it has built. A server that is killed can
   * lose chunks that it has acknowledged; then, and only then, an image is built again.
   */
  private void checkBuiltOnce() {
    Map<String, Integer> built = new HashMap<>();
    Map<String, Integer> lost = new HashMap<>();
    for (String log : logs) {
      count(BUILT, log, built);
      count(LOST, log, lost);
    }
    for (Map.Entry<String, Integer> object : built.entrySet()) {
      assertThat(object.getValue())
          .as("builds of %s, which lost chunks %s", object.getKey(), lost)
          .isLessThanOrEqualTo(1 + lost.getOrDefault(object.getKey(), 0));
    }
    assertThat(built.size()).isBetween(1, IMAGES);
  }

  private static void count(Pattern pattern, String log, Map<String, Integer> counts) {
    Matcher matcher = pattern.matcher(log);
    while (matcher.find()) {
      counts.merge(matcher.group(1), 1, Integer::sum);
    }
  }
}
