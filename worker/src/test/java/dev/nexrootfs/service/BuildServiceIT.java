package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.ObjectBucket;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.ObjectStore;
import io.nats.client.Subscription;
import io.nats.client.impl.Headers;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What a requester and a watcher see of the service. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BuildServiceIT {
  private final ServiceFixture fixture;

  BuildServiceIT(@TempDir Path directory) throws Exception {
    fixture = new ServiceFixture(directory);
  }

  @AfterAll
  void stop() throws Exception {
    fixture.close();
  }

  @Test
  void requestIsAnsweredOnceWithTheObject() throws Exception {
    Message answer =
        fixture.ask(
            "{\"image\":\""
                + fixture.base()
                + "\",\"agent\":\""
                + fixture.agent()
                + "\",\"size\":16777216,\"name\":\"once\",\"tag\":\"v1\"}");
    BuildReply reply = Protocol.read(answer.getData(), BuildReply.class);
    assertThat(reply.cached()).isFalse();
    assertThat(reply.location()).isEqualTo("nats://" + fixture.bucket + "/" + reply.object());
    assertThat(reply.links()).containsExactly("once_v1", "once");
    assertThat(answer.getHeaders().getFirst(Subjects.DIGEST_HEADER)).isEqualTo(reply.digest());
    assertThat(answer.getHeaders().getFirst(Subjects.LOCATION_HEADER)).isEqualTo(reply.location());
    for (String name : List.of(reply.object(), "once_v1", "once")) {
      java.io.ByteArrayOutputStream image = new java.io.ByteArrayOutputStream();
      fixture.store.objectStore(fixture.bucket).get(name, image);
      assertThat(dev.nexrootfs.oci.Digest.sha256(image.toByteArray()).text())
          .isEqualTo(reply.digest());
    }
  }

  @Test
  void sameRequestAgainIsAnsweredFromTheBucketUnderItsOwnNames() throws Exception {
    String request =
        "{\"image\":\""
            + fixture.base()
            + "\",\"agent\":\""
            + fixture.agent()
            + "\",\"size\":17825792,\"name\":\"%s\"}";
    BuildReply first =
        Protocol.read(fixture.ask(String.format(request, "first")).getData(), BuildReply.class);
    BuildReply second =
        Protocol.read(fixture.ask(String.format(request, "second")).getData(), BuildReply.class);
    assertThat(second.cached()).isTrue();
    assertThat(second.digest()).isEqualTo(first.digest());
    assertThat(second.object()).isEqualTo(first.object());
    assertThat(second.freeBytes()).isEqualTo(first.freeBytes()).isPositive();
    java.io.ByteArrayOutputStream linked = new java.io.ByteArrayOutputStream();
    fixture.store.objectStore(fixture.bucket).get("second_latest", linked);
    assertThat(dev.nexrootfs.oci.Digest.sha256(linked.toByteArray()).text())
        .isEqualTo(first.digest());
  }

  @Test
  void eventsOfBothGenerationsTellTheBuildFromStartToEnd() throws Exception {
    Subscription cloud = fixture.client.subscribe("$NEX.events.watched.*");
    Subscription feed = fixture.client.subscribe("$NEX.FEED.watched.events.*");
    fixture.client.flush(ServiceFixture.PATIENCE);
    String id = "0123456789abcdefABCDEF";
    fixture.ask(
        "{\"image\":\""
            + fixture.base()
            + "\",\"agent\":\""
            + fixture.agent()
            + "\",\"size\":18874368,\"namespace\":\"watched\"}",
        new Headers().add(Subjects.BUILD_ID_HEADER, id));
    List<String> types = new ArrayList<>();
    JsonNode last = ServiceFixture.JSON.createObjectNode();
    while (types.isEmpty() || !types.get(types.size() - 1).equals("rootfs_build_completed")) {
      Message message = cloud.nextMessage(ServiceFixture.PATIENCE);
      last = ServiceFixture.JSON.readTree(message.getData());
      types.add(last.get("type").asText());
      assertThat(message.getSubject())
          .isEqualTo("$NEX.events.watched." + last.get("type").asText());
      assertThat(last.get("buildid").asText()).isEqualTo(id);
      assertThat(watcherLine(message)).contains("namespace=watched", "buildid=" + id, "percent=");
    }
    assertThat(types)
        .startsWith("rootfs_build_queued", "rootfs_build_started", "rootfs_build_progress");
    assertThat(last.get("percent").asInt()).isEqualTo(100);
    assertThat(last.get("location").asText()).startsWith("nats://" + fixture.bucket);
    Message plain = feed.nextMessage(ServiceFixture.PATIENCE);
    assertThat(plain.getSubject()).isEqualTo("$NEX.FEED.watched.events.ROOTFSBUILDQUEUED");
    assertThat(ServiceFixture.JSON.readTree(plain.getData()).get("id").asText()).isEqualTo(id);
    cloud.unsubscribe();
    feed.unsubscribe();
  }

  /**
   * What Nex 0.2.7 prints of an event of a type that it does not know: the subject has four tokens,
   * and each extension attribute is a boolean, a string or a number of 32 bits with a plain name.
   * Whatever breaks the rule makes it drop the whole event.
   */
  private static String watcherLine(Message message) throws Exception {
    assertThat(message.getSubject().split("\\.", -1)).hasSize(4);
    JsonNode event = ServiceFixture.JSON.readTree(message.getData());
    List<String> known =
        List.of(
            "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data");
    assertThat(event.get("specversion").asText()).isEqualTo("1.0");
    StringBuilder line = new StringBuilder("event_type=" + event.get("type").asText());
    for (var names = event.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      JsonNode value = event.get(name);
      if (!known.contains(name)) {
        assertThat(name).matches("[a-zA-Z0-9]+");
        assertThat(value.isBoolean() || value.isTextual() || value.isInt()).as(name).isTrue();
        line.append(' ').append(name).append('=').append(value.asText());
      }
    }
    return line.toString();
  }

  @Test
  void linkLeadsToNoBucketThatRequestsMayNotRead() throws Exception {
    Buckets buckets = new Buckets(fixture.store);
    String closed = "CLOSED" + NUID.nextGlobal();
    buckets.create(closed, "", -1, 1);
    fixture.store.objectStore(closed).put("secret", Elf.amd64());
    ObjectStore inputs = fixture.store.objectStore(fixture.inputs);
    inputs.addLink("door", fixture.store.objectStore(closed).getInfo("secret"));
    inputs.addLink("dead", inputs.put("gone", new byte[1]));
    inputs.delete("gone");
    inputs.addBucketLink("all", fixture.store.objectStore(closed));
    String request = "{\"image\":\"%s\",\"agent\":\"nats://%s/%s\"}";
    fixture.refused(
        request.formatted(fixture.base(), fixture.inputs, "door"), ErrorCode.SOURCE_NOT_ALLOWED);
    fixture.refused(
        request.formatted(fixture.base(), fixture.inputs, "dead"), ErrorCode.INPUT_NOT_FOUND);
    fixture.refused(
        request.formatted(fixture.base(), fixture.inputs, "all"), ErrorCode.INPUT_NOT_FOUND);
  }

  @Test
  void errorsHaveBothHeadersAndABodyAndStoreNothing() throws Exception {
    long before = fixture.messages();
    fixture.refused("{", ErrorCode.INVALID_JSON);
    fixture.refused("", ErrorCode.INVALID_JSON);
    fixture.refused("{\"agnet\":\"x\"}", ErrorCode.UNKNOWN_FIELD);
    fixture.refused("{\"agent\":\"" + fixture.agent() + "\",\"size\":0}", ErrorCode.INVALID_FIELD);
    fixture.refused("{\"agent\":\"" + fixture.agent() + "\",\"size\":-5}", ErrorCode.INVALID_FIELD);
    fixture.refused(
        "{\"agent\":\"" + fixture.agent() + "\",\"size\":17592186044417}", ErrorCode.INVALID_FIELD);
    fixture.refused("{\"image\":\"" + fixture.base() + "\"}", ErrorCode.INVALID_FIELD);
    fixture.refused(
        "{\"image\":\"alpine\",\"agent\":\"" + fixture.agent() + "\"}",
        ErrorCode.SOURCE_NOT_ALLOWED);
    fixture.refused(
        "{\"image\":\"Not A Name\",\"agent\":\"" + fixture.agent() + "\"}",
        ErrorCode.INVALID_FIELD);
    fixture.refused(
        "{\"image\":\"" + fixture.base() + "\",\"agent\":\"nats://" + fixture.bucket + "/secret\"}",
        ErrorCode.SOURCE_NOT_ALLOWED);
    fixture.refused(
        "{\"image\":\"oci:/etc\",\"agent\":\"" + fixture.agent() + "\"}",
        ErrorCode.SOURCE_NOT_ALLOWED);
    fixture.refused(
        "{\"image\":\"oci:" + fixture.directory + "/none\",\"agent\":\"" + fixture.agent() + "\"}",
        ErrorCode.INPUT_NOT_FOUND);
    fixture.refused(
        "{\"image\":\"nats://" + fixture.inputs + "/none\",\"agent\":\"" + fixture.agent() + "\"}",
        ErrorCode.INPUT_NOT_FOUND);
    fixture.refused(
        "{\"image\":\"nats://NOBUCKET/none\",\"agent\":\"" + fixture.agent() + "\"}",
        ErrorCode.SOURCE_NOT_ALLOWED);
    fixture.refused(
        "{\"image\":\"" + fixture.base() + "\",\"agent\":\"nats://" + fixture.inputs + "/none\"}",
        ErrorCode.INPUT_NOT_FOUND);
    fixture.refused(
        "{\"image\":\""
            + fixture.base()
            + "\",\"agent\":\""
            + fixture.agent()
            + "@sha256:"
            + "0".repeat(64)
            + "\"}",
        ErrorCode.DIGEST_MISMATCH);
    fixture.refused(
        "{\"image\":\""
            + fixture.base()
            + "\",\"agent\":\""
            + fixture.agent()
            + "\",\"platform\":\"linux/arm64\"}",
        ErrorCode.IMAGE_NOT_FOUND);
    fixture.refused(
        "{\"image\":\""
            + fixture.base()
            + "\",\"agent\":\""
            + fixture.agent()
            + "\",\"size\":100000}",
        ErrorCode.TOO_SMALL);
    fixture.refused(
        "{\"image\":\""
            + fixture.base()
            + "\",\"agent\":\""
            + fixture.agent()
            + "\",\"script\":\"#!/bin/sh\"}",
        ErrorCode.SCRIPT_UNSUPPORTED);
    fixture.refused(
        "{\"image\":\"" + fixture.hostile(new Tar().file("/abs", "")) + "\",\"guest\":\"plain\"}",
        ErrorCode.INVALID_LAYER);
    fixture.refused(
        "{\"image\":\""
            + fixture.hostile(new Tar().link("a", "b").link("b", "a").file("a/x", ""))
            + "\",\"guest\":\"plain\"}",
        ErrorCode.INVALID_LAYER);
    assertThat(fixture.messages()).isEqualTo(before);
  }

  @Test
  void truncatedImageArchiveInABucketIsRefused() throws Exception {
    byte[] cut =
        java.util.Arrays.copyOf(
            new Tar().file("oci-layout", "{}").file("index.json", "{}").bytes(), 700);
    new Buckets(fixture.store)
        .open(fixture.inputs)
        .putIfAbsent("cut.tar", "", Map.of(), () -> new ByteArrayInputStream(cut), done -> {});
    fixture.refused(
        "{\"image\":\"nats://" + fixture.inputs + "/cut.tar\",\"guest\":\"plain\"}",
        ErrorCode.INVALID_IMAGE);
  }

  @Test
  void imageArchiveInABucketIsBuilt() throws Exception {
    Path archive = fixture.directory.resolve("base.tar");
    dev.nexrootfs.oracle.Command.of(
            "tar", "-C", fixture.directory.resolve("base"), "-cf", archive, ".")
        .run()
        .orThrow();
    new Buckets(fixture.store)
        .open(fixture.inputs)
        .putIfAbsent("base.tar", "", Map.of(), () -> Files.newInputStream(archive), done -> {});
    Message answer =
        fixture.ask(
            "{\"image\":\"nats://"
                + fixture.inputs
                + "/base.tar\",\"guest\":\"plain\",\"size\":16777216}");
    assertThat(Protocol.read(answer.getData(), BuildReply.class).size()).isEqualTo(16_777_216);
  }

  @Test
  void replySubjectThatIsNoInboxIsNeverPublishedTo() throws Exception {
    String purge = "$JS.API.STREAM.PURGE.OBJ_" + fixture.bucket;
    Subscription watch = fixture.client.subscribe("stolen.>");
    fixture.put("canary");
    long before = fixture.messages();
    for (String replyTo :
        List.of(purge, "stolen.subject", "_INBOXED.x", fixture.subjects.build())) {
      fixture.client.publish(fixture.subjects.build(), replyTo, ServiceFixture.json("{"));
      fixture.client.publish(
          fixture.subjects.build(),
          replyTo,
          ServiceFixture.json("{\"image\":\"" + fixture.base() + "\",\"guest\":\"plain\"}"));
    }
    // The service answers in order, so after this answer the others have been looked at.
    fixture.ask("{");
    assertThat(watch.nextMessage(Duration.ofMillis(200))).isNull();
    assertThat(fixture.messages()).isEqualTo(before);
  }

  @Test
  void nameThatIsAnObjectOfItsOwnIsRefusedBeforeAnythingIsStored() throws Exception {
    fixture.put("taken");
    long before = fixture.messages();
    fixture.refused(
        "{\"image\":\""
            + fixture.base()
            + "\",\"guest\":\"plain\",\"size\":21000000,\"name\":\"taken\"}",
        ErrorCode.INVALID_FIELD);
    fixture.refused(
        "{\"image\":\""
            + fixture.base()
            + "\",\"guest\":\"plain\",\"size\":21000000,\"name\":\"build_0123\"}",
        ErrorCode.INVALID_FIELD);
    assertThat(fixture.messages()).isEqualTo(before);
  }

  @Test
  void requestOfAlmostAMebibyteIsAnswered() throws Exception {
    fixture.refused("{\"agent\":\"" + "x".repeat(900_000) + "\"}", ErrorCode.INVALID_FIELD);
    fixture.refused(
        "{\"guest\":\"plain\",\"script\":\"" + "x".repeat(900_000) + "\"}",
        ErrorCode.SCRIPT_UNSUPPORTED);
  }

  @Test
  void imageLargerThanTheWorkersLimitIsRefused() throws Exception {
    fixture.refused(
        "{\"image\":\"" + fixture.base() + "\",\"guest\":\"plain\",\"size\":1099511627777}",
        ErrorCode.TOO_LARGE);
  }

  @Test
  void compressedFormComesWithItsDigestAlsoForAnImageThatWasThere() throws Exception {
    String request =
        "{\"image\":\""
            + fixture.base()
            + "\",\"guest\":\"plain\",\"size\":25165824,\"name\":\"gz\"%s}";
    Protocol.read(fixture.ask(String.format(request, "")).getData(), BuildReply.class);
    String more = String.format(request, ",\"formats\":[\"ext4\",\"ext4.gz\"]");
    for (String missingNext : List.of(".ext4.gz.sha256", ".ext4.gz", "")) {
      BuildReply reply = Protocol.read(fixture.ask(more).getData(), BuildReply.class);
      assertThat(reply.links())
          .containsExactly("gz_latest", "gz", "gz_latest.ext4.gz", "gz_latest.ext4.gz.sha256");
      byte[] compressed = object("gz_latest.ext4.gz");
      assertThat(new String(object("gz_latest.ext4.gz.sha256"), StandardCharsets.US_ASCII))
          .isEqualTo(dev.nexrootfs.oci.Digest.sha256(compressed).hex());
      java.nio.file.Path file = fixture.directory.resolve("image.ext4.gz");
      java.nio.file.Files.write(file, compressed);
      byte[] plain = dev.nexrootfs.oracle.Command.of("gzip", "-dc", file).run().orThrow().bytes();
      assertThat(dev.nexrootfs.oci.Digest.sha256(plain).text()).isEqualTo(reply.digest());
      ObjectBucket bucket = new Buckets(fixture.store).open(fixture.bucket);
      bucket.delete(reply.object() + missingNext);
      if (missingNext.equals(".ext4.gz")) {
        // As if another zlib had made the one that is gone.
        String digest = reply.object() + ".ext4.gz.sha256";
        bucket.delete(digest);
        byte[] wrong = "0".repeat(64).getBytes(StandardCharsets.US_ASCII);
        var unused =
            bucket.putIfAbsent(
                digest, "", Map.of(), () -> new java.io.ByteArrayInputStream(wrong), done -> {});
      }
    }
  }

  private byte[] object(String name) throws Exception {
    java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
    fixture.store.objectStore(fixture.bucket).get(name, bytes);
    return bytes.toByteArray();
  }

  @Test
  void serviceIsDiscoveredWithItsFigures() throws Exception {
    Message info =
        fixture.client.request("$SRV.STATS.nex-rootfs", new byte[0], ServiceFixture.PATIENCE);
    JsonNode endpoints = ServiceFixture.JSON.readTree(info.getData()).get("endpoints");
    assertThat(endpoints.findValuesAsText("name"))
        .containsExactlyInAnyOrder(
            "build", "build-as", "status", "status-as", "cancel", "cancel-as");
    JsonNode endpoint = endpoints.get(0);
    assertThat(endpoint.get("queue_group").asText()).isEqualTo("nex-rootfs");
    assertThat(endpoint.get("data").get("capacity").asInt()).isEqualTo(1);
  }
}
