package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildState;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.Leases;
import io.nats.client.JetStreamManagement;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Subscription;
import io.nats.client.api.StreamConfiguration;
import io.nats.client.impl.NatsMessage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several workers on one queue: whose turn it is, and who answers. */
class PoolQueueIT extends PoolCase {
  PoolQueueIT(@TempDir Path directory) throws Exception {
    super(directory);
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
  void onlySoManyJobsOfAWorkerWaitForWhatAnotherBuilds() throws Exception {
    TestPool.Worker worker = pool.worker("w", 1);
    String request = "{\"image\":\"" + base + "\",\"guest\":\"plain\",\"size\":16777216%s}";
    BuildReply first = reply(build(String.format(request, "")));
    new Buckets(pool.admin).open(pool.bucket).delete(first.object());
    ScheduledExecutorService renewals = Executors.newSingleThreadScheduledExecutor();
    List<Subscription> answers = new ArrayList<>();
    try (Leases.Lease builder =
        new Leases(pool.admin, pool.leases, "another", renewals)
            .tryAcquire("build." + first.object())
            .orElseThrow()) {
      for (int i = 0; i < 40; i++) {
        answers.add(build(String.format(request, ",\"tag\":\"t" + i + "\"")));
      }
      while (figure("handedBack") < 8) {
        assertThat(figure("running")).isLessThanOrEqualTo(33);
      }
      assertThat(builder).isNotNull();
    } finally {
      renewals.shutdownNow();
    }
    for (Subscription answer : answers) {
      assertThat(reply(answer).digest()).isEqualTo(first.digest());
    }
    assertThat(worker.stop()).isTrue();
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
  void recordsThatCannotBeWrittenForAWhileCostNoTry() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    String id = NUID.nextGlobal();
    Subscription answers = ask(pool.subjects.build(), request(gate.image, ""), id(id));
    awaitState(id, BuildState.RUNNING);
    JetStreamManagement management = pool.admin.jetStreamManagement();
    StreamConfiguration takesAll =
        management.getStreamInfo("KV_" + pool.records).getConfiguration();
    management.updateStream(StreamConfiguration.builder(takesAll).maximumMessageSize(1).build());
    gate.open();
    // Longer than a job that is handed back stays away.
    assertThat(answers.nextMessage(Duration.ofSeconds(5))).isNull();
    management.updateStream(takesAll);
    reply(answers);
    awaitState(id, BuildState.COMPLETED);
    assertThat(statusOf(id).tries()).isEqualTo(1);
    assertThat(answers.nextMessage(Duration.ofMillis(200))).isNull();
  }

  @Test
  void bucketThatTakesNothingForAWhileCostsNoTry() throws Exception {
    pool.worker("w", 1);
    JetStreamManagement management = pool.admin.jetStreamManagement();
    StreamConfiguration takesAll =
        management.getStreamInfo("OBJ_" + pool.bucket).getConfiguration();
    management.updateStream(StreamConfiguration.builder(takesAll).maximumMessageSize(1).build());
    Subscription progress = client.subscribe("$NEX.events.*.rootfs_build_progress");
    String id = NUID.nextGlobal();
    Subscription answers = ask(pool.subjects.build(), request(base, ""), id(id));
    // The bucket's writer gives up after more than three seconds, and the build begins anew.
    long early = System.nanoTime() + TimeUnit.SECONDS.toNanos(3);
    JsonNode event;
    do {
      event = JSON.readTree(next(progress).getData());
    } while (System.nanoTime() < early || !event.get("phase").asText().equals("resolve"));
    assertThat(event.get("buildid").asText()).isEqualTo(id);
    management.updateStream(takesAll);
    reply(answers);
    awaitState(id, BuildState.COMPLETED);
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
