package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.Subjects;
import io.nats.client.Connection;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.PullSubscribeOptions;
import io.nats.client.impl.Headers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A pool that is being upgraded: workers of two versions on one queue. */
@Timeout(60)
class TwoVersionsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @TempDir private Path directory;
  private NatsServer server;
  private Connection client;
  private TestPool pool;
  private String base;

  @BeforeEach
  void start() throws Exception {
    server = NatsServer.start();
    client = NatsServer.connect(server.url());
    pool = new TestPool(server.url(), directory);
    Path layout = directory.resolve("base");
    OciImages.in(layout).layer(new Tar().directory("etc/").file("sbin/init", "#!").bytes()).write();
    base = "oci:" + layout;
  }

  @AfterEach
  void stop() throws Exception {
    pool.close();
    client.close();
    server.close();
  }

  @Test
  void imageOfTheOlderLayoutIsFoundByTheNewerWorkerWhenTheOlderIsGone() throws Exception {
    TestPool.Worker older = pool.workerOfAnotherLayout("older");
    BuildReply first = ask(64);
    assertThat(older.stop()).isTrue();
    TestPool.Worker newer = pool.worker("newer", 1);
    BuildReply again = ask(64);
    assertThat(again.worker()).isEqualTo("newer");
    assertThat(again.cached()).isTrue();
    assertThat(again.key()).isEqualTo(first.key());
    assertThat(again.digest()).isEqualTo(first.digest());
    // What nobody has asked for yet has the newer layout, and both are in the bucket.
    BuildReply other = ask(68);
    assertThat(other.cached()).isFalse();
    assertThat(newer.stop()).isTrue();
    var unused = pool.workerOfAnotherLayout("older again");
    BuildReply back = ask(68);
    assertThat(back.cached()).isTrue();
    assertThat(back.key()).isEqualTo(other.key());
  }

  @Test
  void layoutsHaveKeysAndObjectsOfTheirOwn() throws Exception {
    TestPool.Worker older = pool.workerOfAnotherLayout("older");
    BuildReply first = ask(64);
    assertThat(older.stop()).isTrue();
    var unused = pool.worker("newer", 1);
    // What the first request came to is forgotten, as after a day.
    client.keyValueManagement().delete(pool.records);
    new PoolSetup(client, OptionalInt.empty(), false).records(pool.records);
    BuildReply second = ask(64);
    assertThat(second.cached()).isFalse();
    assertThat(second.key()).isNotEqualTo(first.key());
    assertThat(second.object()).isNotEqualTo(first.object());
    assertThat(second.digest()).isNotEqualTo(first.digest());
    assertThat(pool.messages("OBJ_" + pool.bucket)).isGreaterThan(0);
  }

  @Test
  void equalRequestsToBothVersionsAtOnceAreOneBuild() throws Exception {
    var older = pool.workerOfAnotherLayout("older");
    var newer = pool.worker("newer", 1);
    List<CompletableFuture<Message>> answers = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      answers.add(client.requestWithTimeout(pool.subjects.build(), body(64 + i / 6 * 4), PATIENCE));
    }
    Set<String> keys = new TreeSet<>();
    Set<String> workers = new TreeSet<>();
    for (CompletableFuture<Message> answer : answers) {
      BuildReply reply =
          Protocol.read(answer.get(30, TimeUnit.SECONDS).getData(), BuildReply.class);
      keys.add(reply.key());
      workers.add(reply.worker());
    }
    // Four sizes, whoever built each, and whoever waited where.
    assertThat(keys).hasSize(4);
    assertThat(workers).isNotEmpty();
    assertThat(older.stop()).isTrue();
    assertThat(newer.stop()).isTrue();
    assertThat(pool.messages(pool.stream)).isZero();
  }

  @Test
  void jobWithAFieldOfANewerVersionIsLeftToAWorkerThatKnowsIt() throws Exception {
    var unused = pool.worker("older", 1);
    ask(64); // its consumer is there
    String fingerprint = "0".repeat(64);
    String subject = pool.subjects.jobs() + ".build.default." + fingerprint;
    byte[] job =
        ("{\"image\":\"" + base + "\",\"guest\":\"plain\",\"fieldOfTomorrow\":1}")
            .getBytes(StandardCharsets.UTF_8);
    var published =
        client
            .jetStream()
            .publish(subject, new Headers().add(Subjects.BUILD_ID_HEADER, "tomorrow00000000"), job);
    assertThat(published.getSeqno()).isPositive();
    Instant end = Instant.now().plus(PATIENCE);
    // The older one takes it, gives it back, and takes it once more.
    while (redelivered() == 0 && Instant.now().isBefore(end)) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
    }
    JetStreamSubscription newer =
        client.jetStream().subscribe(null, PullSubscribeOptions.bind(pool.stream, "ns-default"));
    Optional<Message> taken = Optional.empty();
    while (taken.isEmpty() && Instant.now().isBefore(end)) {
      taken = newer.fetch(1, Duration.ofSeconds(1)).stream().findFirst();
    }
    assertThat(taken).as("the job, after the older worker had it").isPresent();
    taken.get().ackSync(Duration.ofSeconds(5));
    // And it serves on.
    assertThat(ask(68).worker()).isEqualTo("older");
  }

  private long redelivered() throws Exception {
    return client.jetStreamManagement().getConsumerInfo(pool.stream, "ns-default").getRedelivered();
  }

  private BuildReply ask(int mebibytes) throws Exception {
    Message answer = client.request(pool.subjects.build(), body(mebibytes), PATIENCE);
    assertThat(answer).isNotNull();
    BuildReply reply = Protocol.read(answer.getData(), BuildReply.class);
    assertThat(reply.object()).as(new String(answer.getData(), StandardCharsets.UTF_8)).isNotNull();
    return reply;
  }

  private byte[] body(int mebibytes) {
    long size = (long) mebibytes << 20;
    return ("{\"image\":\"" + base + "\",\"guest\":\"plain\",\"size\":" + size + "}")
        .getBytes(StandardCharsets.UTF_8);
  }
}
