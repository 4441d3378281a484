package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildState;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.Subjects;
import io.nats.client.JetStreamManagement;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Subscription;
import io.nats.client.api.StreamConfiguration;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several workers on one queue: builds that are followed, asked for and cancelled. */
class PoolFollowIT extends PoolCase {
  PoolFollowIT(@TempDir Path directory) throws Exception {
    super(directory);
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

  @Test
  void cancelledRequestIsAnsweredAlsoWhereItsEndCannotBeRecorded() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    Subscription held = begun(request(gate.image, ""));
    String id = NUID.nextGlobal();
    Subscription queued = ask(pool.subjects.build(), request(base, ""), id(id));
    awaitState(id, BuildState.QUEUED);
    JetStreamManagement management = pool.admin.jetStreamManagement();
    StreamConfiguration takesAll =
        management.getStreamInfo("KV_" + pool.records).getConfiguration();
    // Enough for the word and not for a status.
    management.updateStream(StreamConfiguration.builder(takesAll).maximumMessageSize(200).build());
    assertThat(cancel(id).state()).isEqualTo(BuildState.CANCELLED);
    assertThat(error(queued).code()).isEqualTo(ErrorCode.CANCELLED);
    management.updateStream(takesAll);
    awaitState(id, BuildState.CANCELLED);
    gate.open();
    reply(held);
  }

  @Test
  void requestThatWaitsForAnotherHearsOfItsCancellationAndOfNothingElse() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    String request = request(gate.image, "");
    Subscription leader = begun(request);
    String id = NUID.nextGlobal();
    Subscription waiting = ask(pool.subjects.build(), request, id(id));
    while (figure("waiting") < 1) {
      Thread.onSpinWait();
    }
    assertThat(cancel(id).state()).isEqualTo(BuildState.CANCELLED);
    gate.open();
    reply(leader);
    assertThat(error(waiting).code()).isEqualTo(ErrorCode.CANCELLED);
    assertThat(waiting.nextMessage(Duration.ofMillis(500))).isNull();
    assertThat(statusOf(id).state()).isEqualTo(BuildState.CANCELLED);
    assertThat(figure("waiting")).isZero();
  }

  @Test
  void whoFollowsAnUnknownBuildHearsSoAndThatThisIsTheEnd() throws Exception {
    pool.worker("w", 1);
    String question = "{\"id\":\"" + NUID.nextGlobal() + "\",\"reply\":\"stream\"}";
    List<JsonNode> lines = lines(ask(pool.subjects.status(), question));
    assertThat(lines).hasSize(1);
    assertThat(lines.get(0).at("/error/code").asText()).isEqualTo("BUILD_NOT_FOUND");
  }

  @Test
  void buildThatAnotherWorkerStopsForItsDeadlineIsToldOfThat() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    String id = NUID.nextGlobal();
    Subscription answers = ask(pool.subjects.build(), request(gate.image, ""), id(id));
    awaitState(id, BuildState.RUNNING);
    long noted = pool.admin.keyValue(pool.records).put(BuildRecords.cancelKey(id), "TIMED_OUT");
    assertThat(noted).isPositive();
    // The worker hears of this after that.
    assertThat(statusOf(id).state()).isEqualTo(BuildState.RUNNING);
    gate.open();
    assertThat(error(answers).code()).isEqualTo(ErrorCode.TIMED_OUT);
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
  void cancelAnswersHowFarTheBuildIsAsStatusDoes() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    String id = NUID.nextGlobal();
    Subscription answers = ask(pool.subjects.build(), request(gate.image, ""), id(id));
    awaitState(id, BuildState.RUNNING);
    String further =
        new String(Protocol.write(statusOf(id)), StandardCharsets.UTF_8)
            .replaceFirst("\"phase\":\"\\w+\"", "\"phase\":\"layers\"");
    long noted = pool.admin.keyValue(pool.records).put("progress." + id, further);
    assertThat(noted).isPositive();
    assertThat(cancel(id).phase()).isEqualTo("layers");
    gate.open();
    assertThat(error(answers).code()).isEqualTo(ErrorCode.CANCELLED);
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
}
