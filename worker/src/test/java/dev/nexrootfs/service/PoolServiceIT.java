package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildState;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.registry.ScriptedRegistry;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Subscription;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Several workers on one queue. */
@Tag("alone")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(40)
class PoolServiceIT {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final long SMALL = 16 << 20;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path directory;
  private final NatsServer server;
  private final ScriptedRegistry registry = ScriptedRegistry.start();
  private final Connection client;
  private final String base;
  private final List<Gate> gates = new ArrayList<>();
  private TestPool pool;
  private long size = SMALL;

  PoolServiceIT(@TempDir Path directory) throws Exception {
    this.directory = directory;
    server = NatsServer.start();
    client = NatsServer.connect(server.url());
    base = image("base");
    pool = new TestPool(server.url(), directory, Optional.of(registry.host()));
  }

  @BeforeEach
  void start() throws Exception {
    size = SMALL;
    pool = new TestPool(server.url(), directory, Optional.of(registry.host()));
  }

  @AfterEach
  void stop() throws Exception {
    gates.forEach(Gate::open);
    gates.clear();
    pool.close();
  }

  @AfterAll
  void end() throws Exception {
    client.close();
    server.close();
    registry.close();
  }

  private String image(String name) throws Exception {
    Path layout = directory.resolve(name);
    OciImages.in(layout).layer(new Tar().directory("etc/").file("sbin/init", "#!").bytes()).write();
    return "oci:" + layout;
  }

  /** An image of a registry that does not say which it is before the gate opens. */
  private final class Gate {
    final String image;
    private final CountDownLatch opened = new CountDownLatch(1);

    Gate() throws Exception {
      gates.add(this);
      String name = "gate" + NUID.nextGlobal().toLowerCase(Locale.ROOT);
      image = registry.host() + "/" + name;
      Path layout = Path.of(image(name).substring("oci:".length()));
      JsonNode index = JSON.readTree(layout.resolve("index.json").toFile());
      String manifest = index.get("manifests").get(0).get("digest").asText();
      String path = " /v2/" + name;
      String type = "application/vnd.oci.image.manifest.v1+json";
      ScriptedRegistry.Reply head =
          ScriptedRegistry.status(200, "Docker-Content-Digest", manifest, "Content-Type", type);
      registry.on(
          "HEAD" + path + "/manifests/latest",
          exchange -> {
            opened.await();
            head.send(exchange);
          });
      try (Stream<Path> blobs = Files.list(layout.resolve("blobs/sha256"))) {
        for (Path blob : blobs.toList()) {
          String digest = "sha256:" + blob.getFileName();
          byte[] body = Files.readAllBytes(blob);
          String kind = digest.equals(manifest) ? "/manifests/" : "/blobs/";
          ScriptedRegistry.Reply reply = ScriptedRegistry.body(200, body, "Content-Type", type);
          registry.on("GET" + path + kind + digest, reply);
          if (digest.equals(manifest)) {
            registry.on("GET" + path + "/manifests/latest", reply);
          }
        }
      }
    }

    void open() {
      opened.countDown();
    }
  }

  /** A request of its own size, so that it is like no other. */
  private String request(String image, String more) {
    size += 4096;
    return "{\"image\":\"" + image + "\",\"guest\":\"plain\",\"size\":" + size + more + "}";
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Sends a request; its answers come here. */
  private Subscription ask(String subject, String json) throws Exception {
    return ask(subject, json, new Headers());
  }

  private Subscription ask(String subject, String json, Headers headers) throws Exception {
    String inbox = client.createInbox();
    Subscription answers = client.subscribe(inbox);
    client.publish(
        NatsMessage.builder()
            .subject(subject)
            .replyTo(inbox)
            .headers(headers)
            .data(bytes(json))
            .build());
    client.flush(PATIENCE);
    return answers;
  }

  private Subscription build(String json) throws Exception {
    return ask(pool.subjects.build(), json);
  }

  /** A request that a worker has taken. */
  private Subscription begun(String json) throws Exception {
    String id = NUID.nextGlobal();
    Subscription answers = ask(pool.subjects.build(), json, id(id));
    awaitState(id, BuildState.RUNNING);
    return answers;
  }

  private static Message next(Subscription answers) throws Exception {
    Message message = answers.nextMessage(PATIENCE);
    assertThat(message).as("an answer").isNotNull();
    return message;
  }

  private static BuildReply reply(Subscription answers) throws Exception {
    Message message = next(answers);
    assertThat(new String(message.getData(), StandardCharsets.UTF_8)).contains("\"location\"");
    return Protocol.read(message.getData(), BuildReply.class);
  }

  private static ErrorBody.Detail error(Subscription answers) throws Exception {
    Message message = next(answers);
    assertThat(message.hasHeaders()).isTrue();
    ErrorBody.Detail error = Protocol.read(message.getData(), ErrorBody.class).error();
    assertThat(message.getHeaders().getFirst(Subjects.ERROR_HEADER))
        .startsWith(error.code().name());
    return error;
  }

  private BuildStatus status(String json) throws Exception {
    return Protocol.read(next(ask(pool.subjects.status(), json)).getData(), BuildStatus.class);
  }

  private BuildStatus statusOf(String id) throws Exception {
    return status("{\"id\":\"" + id + "\"}");
  }

  private void awaitState(String id, BuildState state) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    String question = "{\"id\":\"" + id + "\"}";
    // Until it is queued nothing is known of it.
    while (!new String(
            next(ask(pool.subjects.status(), question)).getData(), StandardCharsets.UTF_8)
        .contains("\"state\":\"" + state.name().toLowerCase(Locale.ROOT) + "\"")) {
      assertThat(System.nanoTime()).as(id + " " + state).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  /** The sum of a figure over all workers of this server that are still there. */
  private long figure(String name) throws Exception {
    String inbox = client.createInbox();
    Subscription answers = client.subscribe(inbox);
    client.publish("$SRV.STATS.nex-rootfs", inbox, new byte[0]);
    long sum = 0;
    for (Message m = next(answers); m != null; m = answers.nextMessage(Duration.ofMillis(200))) {
      for (JsonNode endpoint : JSON.readTree(m.getData()).get("endpoints")) {
        if (endpoint.get("subject").asText().equals(pool.subjects.build())) {
          sum += endpoint.get("data").get(name).asLong();
        }
      }
    }
    return sum;
  }

  private static Headers id(String id) {
    return new Headers().add(Subjects.BUILD_ID_HEADER, id);
  }

  @Test
  void fiftyEqualRequestsAreOneBuildAndAreAnsweredWithinATenthOfASecond() throws Exception {
    for (int i = 0; i < 4; i++) {
      pool.worker("w" + i, 2);
    }
    // The first fifty warm the workers up.
    equalRequests(50);
    long spread = equalRequests(50);
    System.out.println("PoolServiceIT: 50 answers within " + spread + " ms");
    assertThat(spread).isLessThan(100);
    assertThat(figure("built")).isEqualTo(2);
    assertThat(figure("joined")).isEqualTo(2 * 49);
    while (pool.messages(pool.stream) > 0) {
      Thread.onSpinWait();
    }
  }

  /** Asks so often for the same; the milliseconds between the first answer and the last. */
  private long equalRequests(int count) throws Exception {
    Gate gate = new Gate();
    String request = request(gate.image, "");
    String inbox = client.createInbox();
    Map<String, Long> arrivals = new ConcurrentHashMap<>();
    Set<String> digests = ConcurrentHashMap.newKeySet();
    Set<String> ids = ConcurrentHashMap.newKeySet();
    AtomicInteger answers = new AtomicInteger();
    Dispatcher dispatcher =
        client.createDispatcher(
            message -> {
              arrivals.put(message.getSubject(), System.nanoTime());
              digests.add(message.getHeaders().getFirst(Subjects.DIGEST_HEADER));
              ids.add(message.getHeaders().getFirst(Subjects.BUILD_ID_HEADER));
              answers.incrementAndGet();
            });
    dispatcher.subscribe(inbox + ".*");
    for (int i = 0; i < count; i++) {
      client.publish(pool.subjects.build(), inbox + "." + i, bytes(request));
    }
    while (figure("waiting") < count - 1) {
      Thread.onSpinWait();
    }
    gate.open();
    while (answers.get() < count) {
      assertThat(figure("failed")).isZero();
    }
    client.closeDispatcher(dispatcher);
    assertThat(arrivals).hasSize(count);
    assertThat(answers.get()).isEqualTo(count);
    assertThat(digests).hasSize(1);
    assertThat(ids).hasSize(count);
    long first = arrivals.values().stream().mapToLong(time -> time).min().orElseThrow();
    long last = arrivals.values().stream().mapToLong(time -> time).max().orElseThrow();
    return TimeUnit.NANOSECONDS.toMillis(last - first);
  }

  @Test
  void sameImageByOtherNamesIsBuiltOnceAndLinkedTwice() throws Exception {
    pool.worker("w1", 1);
    pool.worker("w2", 1);
    long same = 300 << 20;
    String one = "{\"image\":\"" + base + "\",\"guest\":\"plain\",\"size\":" + same + "%s}";
    Subscription first = build(String.format(one, ",\"name\":\"a\""));
    Subscription second = build(String.format(one, ",\"name\":\"b\""));
    BuildReply a = reply(first);
    BuildReply b = reply(second);
    assertThat(a.object()).isEqualTo(b.object());
    assertThat(a.links()).containsExactly("a_latest", "a");
    assertThat(b.links()).containsExactly("b_latest", "b");
    assertThat(a.cached()).isNotEqualTo(b.cached());
    assertThat(figure("built")).isEqualTo(1);
  }

  @Test
  void namespacesTakeTurns() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    Subscription first = begun(request(gate.image, ",\"namespace\":\"many\""));
    Subscription started = client.subscribe("$NEX.events.*.rootfs_build_started");
    client.flush(PATIENCE);
    List<Subscription> many = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      many.add(build(request(base, ",\"namespace\":\"many\",\"reply\":\"final\"")));
    }
    Subscription few = build(request(base, ",\"namespace\":\"few\""));
    while (pool.messages(pool.stream) < 7) {
      Thread.onSpinWait();
    }
    gate.open();
    List<String> order = new ArrayList<>();
    while (order.size() < 6) {
      Message event = next(started);
      JsonNode document = JSON.readTree(event.getData());
      if (!document.get("image").asText().equals(gate.image)) {
        order.add(document.get("namespace").asText());
      }
    }
    assertThat(order.indexOf("few")).as("%s", order).isLessThan(2);
    reply(first);
    reply(few);
    for (Subscription one : many) {
      reply(one);
    }
    started.unsubscribe();
  }

  @Test
  void namespaceRunsNoMoreBuildsThanItMay() throws Exception {
    pool.worker("w1", 2, Duration.ofSeconds(60), 1, List.of());
    Gate gate = new Gate();
    Subscription held = begun(request(gate.image, ",\"namespace\":\"one\""));
    Subscription behind = build(request(base, ",\"namespace\":\"one\""));
    Subscription other = build(request(base, ",\"namespace\":\"two\""));
    reply(other);
    assertThat(behind.nextMessage(Duration.ofSeconds(3))).isNull();
    gate.open();
    reply(held);
    reply(behind);
  }

  @Test
  void fullQueueIsRefusedAtOnceWithATimeToComeBack() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    List<Subscription> all = new ArrayList<>();
    all.add(begun(request(gate.image, "")));
    int asked = TestPool.QUEUED_PER_NAMESPACE + 20;
    for (int i = 0; i < asked; i++) {
      all.add(build(request(base, "")));
    }
    while (figure("requests") < asked + 1 || figure("refused") < 12) {
      Thread.onSpinWait();
    }
    int refused = 0;
    for (Subscription one : all) {
      Message answer = one.nextMessage(Duration.ofMillis(5));
      if (answer != null) {
        ErrorBody.Detail error = Protocol.read(answer.getData(), ErrorBody.class).error();
        assertThat(error.code()).isEqualTo(ErrorCode.BUSY);
        assertThat(error.retry()).isTrue();
        assertThat(error.retryAfterMs()).isPositive();
        refused++;
      }
    }
    assertThat(refused).isBetween(12, 20);
    // Another namespace has a part of its own.
    Subscription other = build(request(base, ",\"namespace\":\"other\""));
    assertThat(other.nextMessage(Duration.ofMillis(500))).isNull();
    gate.open();
    reply(other);
  }

  @Test
  void sameRequestWithTheSameIdAndInboxIsAnsweredOnceWhileItIsUnderWayAndAgainAfterwards()
      throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    String id = NUID.nextGlobal();
    String request = request(gate.image, "");
    String inbox = client.createInbox();
    Subscription answers = client.subscribe(inbox);
    Message message =
        NatsMessage.builder()
            .subject(pool.subjects.build())
            .replyTo(inbox)
            .headers(id(id))
            .data(bytes(request))
            .build();
    client.publish(message);
    awaitState(id, BuildState.RUNNING);
    client.publish(message);
    // Another's inbox is another request, and so is another content.
    assertThat(error(ask(pool.subjects.build(), request, id(id))).code())
        .isEqualTo(ErrorCode.INVALID_FIELD);
    assertThat(error(ask(pool.subjects.build(), request(base, ""), id(id))).code())
        .isEqualTo(ErrorCode.INVALID_FIELD);
    gate.open();
    BuildReply first = reply(answers);
    assertThat(first.id()).isEqualTo(id);
    assertThat(answers.nextMessage(Duration.ofMillis(300))).as("a second answer").isNull();
    awaitState(id, BuildState.COMPLETED);
    client.publish(message);
    assertThat(reply(answers)).isEqualTo(first);
  }

  @Test
  void requestWhoseWorkerDiedBeforeItWasQueuedIsBuiltWhenItIsRepeated() throws Exception {
    pool.worker("w", 1);
    String request = request(base, "");
    String noted = NUID.nextGlobal();
    BuildReply reply = reply(ask(pool.subjects.build(), request, id(noted)));
    // What is left of a worker that got no further than to note the request.
    String id = NUID.nextGlobal();
    ObjectNode status =
        (ObjectNode) JSON.readTree(Protocol.write(status("{\"id\":\"" + noted + "\"}")));
    status.put("id", id).put("state", "queued").remove(List.of("reply", "worker", "key"));
    client.publish("$KV." + pool.records + ".build." + id, JSON.writeValueAsBytes(status));
    awaitState(id, BuildState.QUEUED);
    BuildReply again = reply(ask(pool.subjects.build(), request, id(id)));
    assertThat(again.id()).isEqualTo(id);
    assertThat(again.digest()).isEqualTo(reply.digest());
  }

  @Test
  void acceptedRequestIsAnsweredAtOnceAndFoundByItsId() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    Subscription answers = build(request(gate.image, ",\"reply\":\"accepted\""));
    Message first = next(answers);
    BuildStatus accepted = Protocol.read(first.getData(), BuildStatus.class);
    assertThat(accepted.state()).isEqualTo(BuildState.QUEUED);
    assertThat(first.getHeaders().getFirst(Subjects.BUILD_ID_HEADER)).isEqualTo(accepted.id());
    Subscription end =
        ask(pool.subjects.status(), "{\"id\":\"" + accepted.id() + "\",\"reply\":\"final\"}");
    awaitState(accepted.id(), BuildState.RUNNING);
    gate.open();
    BuildStatus last = Protocol.read(next(end).getData(), BuildStatus.class);
    assertThat(last.state()).isEqualTo(BuildState.COMPLETED);
    BuildReply reply = java.util.Objects.requireNonNull(last.reply());
    assertThat(status("{\"key\":\"" + reply.key() + "\"}").id()).isEqualTo(accepted.id());
    assertThat(answers.nextMessage(Duration.ofMillis(200))).as("a second answer").isNull();
  }

  @Test
  void streamedRequestHearsEachStepThenTheReplyThenAnEmptyMessage() throws Exception {
    pool.worker("w", 1);
    Subscription answers = build(request(base, ",\"reply\":\"stream\""));
    List<JsonNode> lines = lines(answers);
    assertThat(lines.get(0).get("transition").asText()).isEqualTo("queued");
    assertThat(lines.get(1).get("transition").asText()).isEqualTo("started");
    assertThat(lines.get(lines.size() - 1).get("location").asText()).startsWith("nats://");
    assertThat(answers.nextMessage(Duration.ofMillis(200))).isNull();
    List<JsonNode> refused = lines(build(request("oci:/nowhere", ",\"reply\":\"stream\"")));
    assertThat(refused.get(0).get("transition").asText()).isEqualTo("queued");
    assertThat(refused.get(refused.size() - 1).get("error").get("code").asText())
        .isEqualTo("SOURCE_NOT_ALLOWED");
  }

  private static List<JsonNode> lines(Subscription answers) throws Exception {
    List<JsonNode> lines = new ArrayList<>();
    for (Message line = next(answers); line.getData().length > 0; line = next(answers)) {
      lines.add(JSON.readTree(line.getData()));
    }
    return lines;
  }

  @Test
  void whoFollowsLateHearsHowFarItIsAndThenTheRest() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    String id = NUID.nextGlobal();
    Subscription answers = ask(pool.subjects.build(), request(gate.image, ""), id(id));
    awaitState(id, BuildState.RUNNING);
    Subscription following =
        ask(pool.subjects.status(), "{\"id\":\"" + id + "\",\"reply\":\"stream\"}");
    assertThat(Protocol.read(next(following).getData(), BuildStatus.class).state())
        .isEqualTo(BuildState.RUNNING);
    gate.open();
    List<JsonNode> lines = lines(following);
    JsonNode last = lines.get(lines.size() - 1);
    assertThat(last.get("state").asText()).isEqualTo("completed");
    assertThat(last.get("reply").get("digest").asText()).isEqualTo(reply(answers).digest());
  }

  @Test
  void queuedBuildIsCancelledAtOnce() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    Subscription held = begun(request(gate.image, ""));
    String id = NUID.nextGlobal();
    Subscription queued = ask(pool.subjects.build(), request(base, ""), id(id));
    Subscription events = client.subscribe("$NEX.events.default.rootfs_build_cancelled");
    client.flush(PATIENCE);
    awaitState(id, BuildState.QUEUED);
    BuildStatus status = cancel(id);
    assertThat(status.state()).isEqualTo(BuildState.CANCELLED);
    assertThat(error(queued).code()).isEqualTo(ErrorCode.CANCELLED);
    assertThat(JSON.readTree(next(events).getData()).get("buildid").asText()).isEqualTo(id);
    gate.open();
    reply(held);
    assertThat(queued.nextMessage(Duration.ofMillis(200))).isNull();
    assertThat(pool.messages(pool.stream)).isZero();
  }

  private BuildStatus cancel(String id) throws Exception {
    return Protocol.read(
        next(ask(pool.subjects.cancel(), "{\"id\":\"" + id + "\"}")).getData(), BuildStatus.class);
  }

  @Test
  void runningBuildIsCancelledAndStoresNothing() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    String id = NUID.nextGlobal();
    Subscription answers = ask(pool.subjects.build(), request(gate.image, ""), id(id));
    awaitState(id, BuildState.RUNNING);
    assertThat(cancel(id).state()).isEqualTo(BuildState.RUNNING);
    gate.open();
    assertThat(error(answers).code()).isEqualTo(ErrorCode.CANCELLED);
    awaitState(id, BuildState.CANCELLED);
    assertThat(pool.messages("OBJ_" + pool.bucket)).isZero();
    assertThat(figure("cancelled")).isEqualTo(1);
  }

  @Test
  void cancellingOneOfTwoEqualRequestsLeavesTheOther() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    String request = request(gate.image, "");
    String leader = NUID.nextGlobal();
    Subscription first = ask(pool.subjects.build(), request, id(leader));
    awaitState(leader, BuildState.RUNNING);
    Subscription second = build(request);
    while (figure("waiting") < 1) {
      Thread.onSpinWait();
    }
    cancel(leader);
    gate.open();
    assertThat(error(first).code()).isEqualTo(ErrorCode.CANCELLED);
    assertThat(reply(second).size()).isPositive();
    awaitState(leader, BuildState.CANCELLED);
  }

  @Test
  void buildThatGoesOnForOthersIsHandedBackByAStoppingWorker() throws Exception {
    TestPool.Worker leaving = pool.worker("leaving", 1, Duration.ofMillis(1), -1, List.of());
    Gate gate = new Gate();
    size = 600 << 20; // longer to store than a worker takes to stop
    String request = request(gate.image, "");
    String leader = NUID.nextGlobal();
    Subscription first = ask(pool.subjects.build(), request, id(leader));
    awaitState(leader, BuildState.RUNNING);
    Subscription second = build(request);
    while (figure("waiting") < 1) {
      Thread.onSpinWait();
    }
    cancel(leader);
    gate.open();
    assertThat(error(first).code()).isEqualTo(ErrorCode.CANCELLED);
    pool.worker("staying", 1);
    assertThat(leaving.stop()).isTrue();
    assertThat(reply(second).worker()).isEqualTo("staying");
  }

  @Test
  void idOfABuildThatRunsIsNotTakenByAHit() throws Exception {
    pool.worker("w", 2);
    String known = request(base, "");
    reply(build(known));
    reply(build(known));
    Gate gate = new Gate();
    String id = NUID.nextGlobal();
    Subscription running = ask(pool.subjects.build(), request(gate.image, ""), id(id));
    awaitState(id, BuildState.RUNNING);
    ErrorBody.Detail error = error(ask(pool.subjects.build(), known, id(id)));
    assertThat(error.code()).isEqualTo(ErrorCode.INVALID_FIELD);
    assertThat(error.message()).contains(id);
    assertThat(statusOf(id).state()).isEqualTo(BuildState.RUNNING);
    gate.open();
    assertThat(reply(running).id()).isEqualTo(id);
  }

  @Test
  void deadlineEndsABuildThatWaitsAndOneThatRuns() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    Subscription running = begun(request(gate.image, ",\"timeoutSeconds\":2"));
    Subscription waiting = build(request(base, ",\"timeoutSeconds\":1"));
    assertThat(error(waiting).code()).isEqualTo(ErrorCode.TIMED_OUT);
    assertThat(running.nextMessage(Duration.ofMillis(1500))).isNull();
    gate.open();
    assertThat(error(running).code()).isEqualTo(ErrorCode.TIMED_OUT);
  }

  @Test
  void stoppingWorkerHandsItsBuildToAnotherWhoAnswers() throws Exception {
    TestPool.Worker leaving = pool.worker("leaving", 1, Duration.ofMillis(1), -1, List.of());
    Gate gate = new Gate();
    String id = NUID.nextGlobal();
    Subscription answers = ask(pool.subjects.build(), request(gate.image, ""), id(id));
    awaitState(id, BuildState.RUNNING);
    pool.worker("staying", 1);
    CompletableFuture<Boolean> stopped = CompletableFuture.supplyAsync(leaving::stopQuietly);
    while (figure("draining") < 1) {
      Thread.onSpinWait();
    }
    gate.open();
    assertThat(stopped.get(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    BuildReply reply = reply(answers);
    assertThat(reply.worker()).isEqualTo("staying");
    assertThat(statusOf(id).tries()).isEqualTo(1);
    assertThat(answers.nextMessage(Duration.ofMillis(200))).isNull();
  }

  @Test
  void buildThatThreeWorkersDiedOfIsGivenUp() throws Exception {
    TestPool.Worker first = pool.worker("first", 1, Duration.ofMillis(1), -1, List.of());
    Gate gate = new Gate();
    Subscription held = begun(request(gate.image, ""));
    String id = NUID.nextGlobal();
    Subscription answers = ask(pool.subjects.build(), request(base, ""), id(id));
    awaitState(id, BuildState.QUEUED);
    BuildStatus queued = statusOf(id);
    var records = pool.admin.keyValue(pool.records);
    BuildStatus tried =
        new BuildStatus(
            id,
            queued.namespace(),
            BuildState.RUNNING,
            "layers",
            7,
            queued.image(),
            "",
            queued.updated(),
            queued.fingerprint(),
            null,
            "gone",
            3,
            null,
            null);
    records.put("build." + id, Protocol.write(tried));
    gate.open();
    reply(held);
    ErrorBody.Detail error = error(answers);
    assertThat(error.code()).isEqualTo(ErrorCode.WORKER_LOST);
    assertThat(error.message()).contains("gone");
    assertThat(first.stop()).isTrue();
    assertThat(pool.messages(pool.stream)).isZero();
  }

  @Test
  void requesterThatIsGoneIsNoticed() throws Exception {
    pool.worker("w", 1);
    client.publish(pool.subjects.build(), "_INBOX.nobody.there", bytes(request(base, "")));
    while (figure("unheard") < 1) {
      Thread.onSpinWait();
    }
    assertThat(figure("built")).isEqualTo(1);
  }

  @Test
  void idIsUsedOnceAndHasToBeOne() throws Exception {
    pool.worker("w", 1);
    String id = NUID.nextGlobal();
    reply(ask(pool.subjects.build(), request(base, ""), id(id)));
    ErrorBody.Detail again = error(ask(pool.subjects.build(), request(base, ""), id(id)));
    assertThat(again.code()).isEqualTo(ErrorCode.INVALID_FIELD);
    assertThat(again.message()).contains(id);
    assertThat(error(ask(pool.subjects.build(), request(base, ""), id("short"))).code())
        .isEqualTo(ErrorCode.INVALID_FIELD);
    assertThat(error(ask(pool.subjects.status(), "{\"id\":\"0123456789abcdef\"}")).code())
        .isEqualTo(ErrorCode.BUILD_NOT_FOUND);
    assertThat(error(ask(pool.subjects.status(), "{}")).code()).isEqualTo(ErrorCode.INVALID_FIELD);
  }

  @Test
  void namespaceOfTheSubjectCountsAndHidesOthersBuilds() throws Exception {
    pool.worker("w", 1);
    String id = NUID.nextGlobal();
    reply(
        ask(pool.subjects.build() + ".TENANT", request(base, ",\"namespace\":\"forged\""), id(id)));
    assertThat(statusOf(id).namespace()).isEqualTo("TENANT");
    String question = "{\"id\":\"" + id + "\"}";
    assertThat(error(ask(pool.subjects.status() + ".OTHER", question)).code())
        .isEqualTo(ErrorCode.BUILD_NOT_FOUND);
    assertThat(error(ask(pool.subjects.cancel() + ".OTHER", question)).code())
        .isEqualTo(ErrorCode.BUILD_NOT_FOUND);
    Message own = next(ask(pool.subjects.status() + ".TENANT", question));
    assertThat(Protocol.read(own.getData(), BuildStatus.class).id()).isEqualTo(id);
  }

  @Test
  void fastBuildsDoNotWaitForSlowOnesWhileASlotIsFree() throws Exception {
    List<Gate> gates = new ArrayList<>();
    List<Subscription> slow = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      pool.worker("w" + i, 3);
    }
    for (int i = 0; i < 8; i++) {
      Gate gate = new Gate();
      gates.add(gate);
      slow.add(build(request(gate.image, "")));
    }
    while (figure("running") < 8) {
      Thread.onSpinWait();
    }
    List<Subscription> fast = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      fast.add(build(request(base, "")));
    }
    for (Subscription one : fast) {
      reply(one);
    }
    for (Gate gate : gates) {
      gate.open();
    }
    for (Subscription one : slow) {
      reply(one);
    }
  }

  @Test
  void poolThatWasNotSetUpSaysWhatIsMissing() throws Exception {
    pool.worker("w", 1);
    pool.admin.jetStreamManagement().deleteStream(pool.stream);
    assertThat(error(build(request(base, ""))).code()).isEqualTo(ErrorCode.NO_QUEUE);
    pool.admin.jetStreamManagement().deleteStream("KV_" + pool.records);
    assertThat(error(build(request(base, ""))).code()).isEqualTo(ErrorCode.NO_BUCKET);
  }

  @Test
  void missingBucketOfTheWorkerIsNamedInTheReply() throws Exception {
    pool.worker("w", 1, Duration.ofSeconds(60), -1, List.of(), "MISSING");
    ErrorBody.Detail error = error(build(request(base, "")));
    assertThat(error.code()).isEqualTo(ErrorCode.NO_BUCKET);
    assertThat(error.message()).contains("MISSING");
  }
}
