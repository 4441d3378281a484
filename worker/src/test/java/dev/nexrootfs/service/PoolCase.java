package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildState;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.registry.ScriptedRegistry;
import io.nats.client.Connection;
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
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A pool under test: its server, its registry whose images wait for a word, and what is asked of
 * it.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(40)
abstract class PoolCase {
  static final Duration PATIENCE = Duration.ofSeconds(30);
  static final long SMALL = 16 << 20;
  static final ObjectMapper JSON = new ObjectMapper();

  final Path directory;
  final NatsServer server;
  final ScriptedRegistry registry = ScriptedRegistry.start();
  final Connection client;
  final String base;
  final List<Gate> gates = new ArrayList<>();
  TestPool pool;
  long size = SMALL;

  PoolCase(@TempDir Path directory) throws Exception {
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

  String image(String name) throws Exception {
    Path layout = directory.resolve(name);
    OciImages.in(layout).layer(new Tar().directory("etc/").file("sbin/init", "#!").bytes()).write();
    return "oci:" + layout;
  }

  /** An image of a registry that does not say which it is before the gate opens. */
  final class Gate {
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
  String request(String image, String more) {
    size += 4096;
    return "{\"image\":\"" + image + "\",\"guest\":\"plain\",\"size\":" + size + more + "}";
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Sends a request; its answers come here. */
  Subscription ask(String subject, String json) throws Exception {
    return ask(subject, json, new Headers());
  }

  Subscription ask(String subject, String json, Headers headers) throws Exception {
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

  Subscription build(String json) throws Exception {
    return ask(pool.subjects.build(), json);
  }

  /** A request that a worker has taken. */
  Subscription begun(String json) throws Exception {
    String id = NUID.nextGlobal();
    Subscription answers = ask(pool.subjects.build(), json, id(id));
    awaitState(id, BuildState.RUNNING);
    return answers;
  }

  static Message next(Subscription answers) throws Exception {
    Message message = answers.nextMessage(PATIENCE);
    assertThat(message).as("an answer").isNotNull();
    return message;
  }

  static BuildReply reply(Subscription answers) throws Exception {
    Message message = next(answers);
    assertThat(new String(message.getData(), StandardCharsets.UTF_8)).contains("\"location\"");
    return Protocol.read(message.getData(), BuildReply.class);
  }

  static ErrorBody.Detail error(Subscription answers) throws Exception {
    Message message = next(answers);
    assertThat(message.hasHeaders()).isTrue();
    ErrorBody.Detail error = Protocol.read(message.getData(), ErrorBody.class).error();
    assertThat(message.getHeaders().getFirst(Subjects.ERROR_HEADER))
        .startsWith(error.code().name());
    return error;
  }

  BuildStatus status(String json) throws Exception {
    return Protocol.read(next(ask(pool.subjects.status(), json)).getData(), BuildStatus.class);
  }

  BuildStatus statusOf(String id) throws Exception {
    return status("{\"id\":\"" + id + "\"}");
  }

  void awaitState(String id, BuildState state) throws Exception {
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
  long figure(String name) throws Exception {
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

  static Headers id(String id) {
    return new Headers().add(Subjects.BUILD_ID_HEADER, id);
  }

  static List<JsonNode> lines(Subscription answers) throws Exception {
    List<JsonNode> lines = new ArrayList<>();
    for (Message line = next(answers); line.getData().length > 0; line = next(answers)) {
      lines.add(JSON.readTree(line.getData()));
    }
    return lines;
  }

  BuildStatus cancel(String id) throws Exception {
    return Protocol.read(
        next(ask(pool.subjects.cancel(), "{\"id\":\"" + id + "\"}")).getData(), BuildStatus.class);
  }
}
