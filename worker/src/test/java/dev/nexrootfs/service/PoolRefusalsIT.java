package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.protocol.BuildState;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.registry.ScriptedRegistry;
import io.nats.client.JetStreamManagement;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Subscription;
import io.nats.client.api.StreamConfiguration;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a pool cannot do for a requester harms no other, and is said to those who can be told. */
class PoolRefusalsIT extends PoolCase {
  PoolRefusalsIT(@TempDir Path directory) throws Exception {
    super(directory);
  }

  /** With a reply subject beside it, it leaves the protocol's line no room for more. */
  private static String longInbox() {
    return "_INBOX." + "x".repeat(4020);
  }

  @Test
  void longReplySubjectIsNoInbox() throws Exception {
    pool.worker("w", 1);
    client.publish(pool.subjects.build(), longInbox(), bytes(request(base, "")));
    reply(build(request(base, "")));
    assertThat(figure("requests")).isEqualTo(1);
    assertThat(pool.messages(pool.stream)).isZero();
  }

  @Test
  void jobsThatCannotBeAnsweredEndAndThoseWhoWaitWithThemAreAnswered() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    String json = request(gate.image, "");
    String id = NUID.nextGlobal();
    Subscription first = ask(pool.subjects.build(), json, id(id));
    awaitState(id, BuildState.RUNNING);
    String fingerprint = statusOf(id).fingerprint();
    List<Subscription> others = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      String other = NUID.nextGlobal();
      others.add(ask(pool.subjects.build(), json, id(other)));
      String unanswerable = NUID.nextGlobal();
      pool.admin
          .jetStream()
          .publish(
              job("wait.default." + fingerprint + "." + unanswerable, unanswerable, json)
                  .headers(id(unanswerable).add(Subjects.REPLY_TO_HEADER, longInbox()))
                  .build());
    }
    gate.open();
    reply(first);
    for (Subscription other : others) {
      reply(other);
      assertThat(other.nextMessage(Duration.ofMillis(100))).isNull();
    }
    awaitEmptyQueue();
  }

  @Test
  void waitingRequestThatHasItsAnswerLeavesTheQueue() throws Exception {
    pool.worker("w", 1);
    String answered = NUID.nextGlobal();
    reply(ask(pool.subjects.build(), request(base, ""), id(answered)));
    awaitState(answered, BuildState.COMPLETED);
    Gate gate = new Gate();
    String json = request(gate.image, "");
    String id = NUID.nextGlobal();
    Subscription held = ask(pool.subjects.build(), json, id(id));
    awaitState(id, BuildState.RUNNING);
    // As if the acknowledgement had been lost.
    String subject = "wait.default." + statusOf(id).fingerprint() + "." + answered;
    pool.admin.jetStream().publish(job(subject, answered, json).build());
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (pool.messages(pool.stream) > 1) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.onSpinWait();
    }
    gate.open();
    reply(held);
  }

  @Test
  void messageThatIsNoJobCostsNoSlot() throws Exception {
    pool.worker("w", 1);
    Headers headers = id(NUID.nextGlobal()).add("Nex-Deadline", "tomorrow");
    pool.admin
        .jetStream()
        .publish(job("build.default.abc", "", request(base, "")).headers(headers).build());
    reply(build(request(base, "")));
    pool.admin.jetStreamManagement().purgeStream(pool.stream);
    reply(build(request(base, "")));
  }

  private NatsMessage.Builder job(String subject, String id, String json) {
    return NatsMessage.builder()
        .subject(pool.subjects.jobs() + "." + subject)
        .headers(id(id))
        .data(bytes(json));
  }

  @Test
  void jobThatComesLateIsNotTakenForOneWhoWaits() throws Exception {
    Subscription questions =
        pool.admin.subscribe("$JS.API.CONSUMER.MSG.NEXT." + pool.stream + "." + JobQueue.WAITING);
    pool.admin.flush(PATIENCE);
    pool.worker("w", 1);
    Gate gate = new Gate();
    Subscription held = begun(request(gate.image, ""));
    String id = NUID.nextGlobal();
    Subscription late = ask(pool.subjects.build(), request(base, ""), id(id));
    while (pool.messages(pool.stream) < 2) {
      Thread.onSpinWait();
    }
    String inbox = next(questions).getReplyTo();
    // As if the worker had asked for it long ago.
    pool.admin.publish(
        "$JS.API.CONSUMER.MSG.NEXT." + pool.stream + "." + Lanes.name("default"),
        inbox.substring(0, inbox.lastIndexOf('.')) + ".0",
        bytes("{\"batch\":1,\"no_wait\":true}"));
    while (questions.nextMessage(Duration.ofMillis(1)) != null) {
      Thread.onSpinWait(); // those before
    }
    next(questions);
    next(questions);
    gate.open();
    reply(held);
    reply(late);
    awaitEmptyQueue();
  }

  private void awaitEmptyQueue() throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (pool.messages(pool.stream) > 0) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  @Test
  void requestThatTheQueueMakesTooLargeIsRefusedUnderItsOwnId() throws Exception {
    pool.worker("w", 1);
    long most = client.getServerInfo().getMaxPayload();
    String start = request(base, ",\"files\":[{\"path\":\"/a\",\"text\":\"");
    start = start.substring(0, start.length() - 1);
    String whole = start + "#".repeat((int) most - start.length() - 100) + "\"}]}";
    assertThat(whole.length()).isLessThan((int) most);
    String id = NUID.nextGlobal();
    Message answer = next(ask(pool.subjects.build(), whole, id(id)));
    ErrorBody body = Protocol.read(answer.getData(), ErrorBody.class);
    assertThat(body.error().code()).isEqualTo(ErrorCode.PAYLOAD_TOO_LARGE);
    assertThat(body.error().message()).contains("nats://BUCKET/object");
    assertThat(body.id()).isEqualTo(id);
    assertThat(error(ask(pool.subjects.status(), "{\"id\":\"" + id + "\"}")).code())
        .isEqualTo(ErrorCode.BUILD_NOT_FOUND);
  }

  @Test
  void requestThatWasPutOffIsTakenUnderTheSameId() throws Exception {
    pool.worker("w", 1);
    JetStreamManagement management = pool.admin.jetStreamManagement();
    StreamConfiguration takesAll = management.getStreamInfo(pool.stream).getConfiguration();
    Gate gate = new Gate();
    Subscription held = begun(request(gate.image, ""));
    management.updateStream(StreamConfiguration.builder(takesAll).maxMessages(1).build());
    String id = NUID.nextGlobal();
    String json = request(base, "");
    assertThat(error(ask(pool.subjects.build(), json, id(id))).code()).isEqualTo(ErrorCode.BUSY);
    management.updateStream(takesAll);
    Subscription again = ask(pool.subjects.build(), json, id(id));
    awaitState(id, BuildState.QUEUED);
    gate.open();
    reply(held);
    assertThat(reply(again).id()).isEqualTo(id);
    awaitState(id, BuildState.COMPLETED);
  }

  @Test
  void whoFollowsABuildOfWhichNothingIsKnownAnyMoreIsToldSo() throws Exception {
    pool.worker("w", 1);
    Gate gate = new Gate();
    Subscription held = begun(request(gate.image, ""));
    String id = NUID.nextGlobal();
    Subscription queued = ask(pool.subjects.build(), request(base, ""), id(id));
    awaitState(id, BuildState.QUEUED);
    Subscription end = ask(pool.subjects.status(), "{\"id\":\"" + id + "\",\"reply\":\"stream\"}");
    JsonNode first = JSON.readTree(next(end).getData());
    assertThat(first.get("state").asText()).isEqualTo("queued");
    pool.admin.keyValue(pool.records).purge("build." + id);
    JsonNode last = first;
    for (JsonNode line : lines(end)) {
      last = line;
    }
    assertThat(last.at("/error/code").asText()).isEqualTo("BUILD_NOT_FOUND");
    gate.open();
    reply(held);
    reply(queued);
  }

  @Test
  void workerThatStopsWhileItsRecordsAreAwayAnswersEverybody() throws Exception {
    TestPool.Worker worker = pool.worker("w", 1);
    JetStreamManagement management = pool.admin.jetStreamManagement();
    StreamConfiguration takesAll =
        management.getStreamInfo("KV_" + pool.records).getConfiguration();
    management.updateStream(StreamConfiguration.builder(takesAll).maximumMessageSize(1).build());
    List<Subscription> asked = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      asked.add(build(request(base, "")));
    }
    assertThat(worker.stop()).isTrue();
    for (Subscription one : asked) {
      assertThat(error(one).code()).isEqualTo(ErrorCode.DRAINING);
      assertThat(one.nextMessage(Duration.ofMillis(10))).isNull();
    }
  }

  @Test
  void buildWhoseBaseImageDripsEndsAtItsDeadlineAndGivesItsSlotBack() throws Exception {
    pool.worker("w", 1);
    String type = "application/vnd.oci.image.manifest.v1+json";
    ObjectNode manifest = JSON.createObjectNode().put("schemaVersion", 2).put("mediaType", type);
    manifest
        .putObject("config")
        .put("mediaType", "application/vnd.oci.image.config.v1+json")
        .put("digest", Digest.sha256(bytes("never whole")).text())
        .put("size", 1 << 20);
    manifest.putArray("layers");
    byte[] document = bytes(manifest.toString());
    registry
        .on("HEAD /v2/drips/manifests/latest", ScriptedRegistry.status(405))
        .on(
            "GET /v2/drips/manifests/latest",
            ScriptedRegistry.body(200, document, "Content-Type", type))
        .on(
            "GET /v2/drips/blobs/" + manifest.at("/config/digest").asText(),
            ScriptedRegistry.dripping());
    Subscription late = build(request(registry.host() + "/drips", ",\"timeoutSeconds\":2"));
    long start = System.nanoTime();
    assertThat(error(late).code()).isEqualTo(ErrorCode.TIMED_OUT);
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(15));
    reply(build(request(base, "")));
  }
}
