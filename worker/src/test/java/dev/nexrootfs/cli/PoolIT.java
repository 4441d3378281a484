package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.store.Buckets;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.api.StreamInfoOptions;
import io.nats.client.api.Subject;
import io.nats.client.impl.Headers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Workers and requesters as processes, on real servers, with the real nats command line. */
class PoolIT {
  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir Path directory;

  @Test
  void workersOfAnyZoneLocaleAndHeapMakeTheSameBytes() throws Exception {
    writeBase(5_000_000);
    Set<String> digests = new TreeSet<>();
    List<List<String>> jvms =
        List.of(
            List.of("-Duser.timezone=UTC", "-Duser.language=en", "-Xmx64m"),
            List.of(
                "-Duser.timezone=Asia/Kathmandu",
                "-Duser.language=tr",
                "-Duser.country=TR",
                "-Xmx512m"),
            List.of(
                "-Duser.timezone=America/St_Johns",
                "-Duser.language=ar",
                "-Dfile.encoding=ISO-8859-1",
                "-XX:+UseParallelGC"));
    for (int i = 0; i < jvms.size(); i++) {
      // Each worker has a server of its own, so that none finds what another has built.
      try (NatsServer server = NatsServer.start();
          Program worker = worker(server, "cache" + i, jvms.get(i))) {
        assertThat(Program.run("setup", "--no-context", "--server", server.url()).exit()).isZero();
        Path output = directory.resolve("rootfs" + i + ".ext4");
        Command.Result result = request(server, output);
        assertThat(result.exit()).as(result.output()).isZero();
        digests.add(Digest.sha256(Files.readAllBytes(output)).text());
        E2fsck.check(output);
        assertThat(worker.log()).contains("cached false");
      }
    }
    Path local = directory.resolve("local.ext4");
    Command.Result result =
        Program.run(
            "build",
            "--cache",
            directory.resolve("local-cache"),
            "--image",
            "oci:" + base(),
            "--agent",
            agent(),
            "--size",
            "64MiB",
            "--output",
            local);
    assertThat(result.exit()).as(result.output()).isZero();
    digests.add(Digest.sha256(Files.readAllBytes(local)).text());
    assertThat(digests).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"nats-server", "nats-server-current"})
  void natsCommandLineAsksAndFetches(String program) throws Exception {
    Command.require("nats");
    Command.require(program);
    writeBase(1_000_000);
    try (NatsServer server = NatsServer.start(program, "-js");
        Program worker = worker(server, "cache", List.of())) {
      assertThat(Program.run("setup", "--no-context", "--server", server.url()).exit()).isZero();
      nats(
          server,
          "object",
          "put",
          "NEXINPUTS",
          agent(),
          "--name",
          "nex-agent",
          "--force",
          "--no-progress");
      String body =
          "{\"image\":\"oci:"
              + base()
              + "\",\"agent\":\"nats://NEXINPUTS/nex-agent\",\"size\":67108864,\"name\":\"alpine\",\"tag\":\"v1\"}";
      JsonNode reply =
          JSON.readTree(
              nats(server, "req", "--raw", "nex.rootfs.build", body, "--timeout", "30s").output());
      assertThat(reply.path("cached").asBoolean(true)).as(reply.toString()).isFalse();
      for (String name : List.of(reply.get("object").asText(), "alpine_v1", "alpine")) {
        Path image = directory.resolve("fetched.ext4");
        nats(
            server,
            "object",
            "get",
            "NEXROOTFS",
            name,
            "--output",
            image,
            "--force",
            "--no-progress");
        assertThat("sha256:" + Digest.sha256(Files.readAllBytes(image)).hex())
            .isEqualTo(reply.get("digest").asText());
        E2fsck.check(image);
      }
      String info =
          nats(server, "object", "info", "NEXROOTFS", reply.get("object").asText()).output();
      assertThat(info).contains(reply.get("digest").asText().substring("sha256:".length()));
      String error =
          nats(server, "req", "nex.rootfs.build", "{\"size\":0}", "--timeout", "10s").output();
      assertThat(error).contains("Nats-Service-Error-Code: 400", "INVALID_FIELD");
      assertThat(nats(server, "micro", "info", "nex-rootfs").output()).contains("nex.rootfs.build");
      assertThat(nats(server, "micro", "ls").output()).contains("nex-rootfs");
      assertThat(nats(server, "micro", "stats", "nex-rootfs").output()).contains("nex-rootfs");
      natsReplyModes(server, body);
      assertThat(worker.stop()).isZero();
      assertThat(worker.log()).contains("stopped");
    }
  }

  @Test
  void workerThatIsKilledWhileItStoresLeavesNothingVisibleAndTheNextRequestSucceeds()
      throws Exception {
    writeBase(1_000_000);
    try (NatsServer server = NatsServer.start()) {
      Connection connection = NatsServer.connect(server.url());
      assertThat(Program.run("setup", "--no-context", "--server", server.url()).exit()).isZero();
      String body = "{\"image\":\"oci:" + base() + "\",\"guest\":\"plain\",\"size\":2147483648}";
      try (Program worker = worker(server, "cache", List.of())) {
        connection.publish(
            "nex.rootfs.build", "_INBOX.nobody", body.getBytes(StandardCharsets.UTF_8));
        awaitChunks(connection, 20);
        worker.kill();
      }
      assertThat(new Buckets(connection).open("NEXROOTFS").find("rootfs")).isEmpty();
      assertThat(connection.objectStore("NEXROOTFS").getList()).isEmpty();
      try (Program worker = worker(server, "cache", List.of())) {
        Path output = directory.resolve("rootfs.ext4");
        Command.Result result = request(server, output);
        assertThat(result.exit()).as(result.output() + worker.log()).isZero();
        E2fsck.check(output);
      }
      connection.close();
    }
  }

  /** Each reply mode, status and cancel, as the command line shows them. */
  private void natsReplyModes(NatsServer server, String body) throws Exception {
    String streamed = body.replace("67108864", "68157440").replace("}", ",\"reply\":\"stream\"}");
    String lines =
        nats(
                server,
                "req",
                "nex.rootfs.build",
                streamed,
                "--raw",
                "--wait-for-empty",
                "--timeout",
                "30s",
                "--reply-timeout",
                "30s")
            .output();
    assertThat(lines).contains("\"transition\":\"queued\"", "\"transition\":\"started\"");
    // The empty message at the end, where it is shown, is a line "nil body".
    List<String> shown = lines.lines().filter(l -> !l.isBlank() && !l.equals("nil body")).toList();
    assertThat(shown.get(shown.size() - 1)).contains("\"location\"");
    String accepted = body.replace("67108864", "69206016").replace("}", ",\"reply\":\"accepted\"}");
    JsonNode status =
        JSON.readTree(nats(server, "req", "nex.rootfs.build", accepted, "--raw").output());
    assertThat(status.get("state").asText()).isEqualTo("queued");
    String question = "{\"id\":\"" + status.get("id").asText() + "\",\"reply\":\"final\"}";
    JsonNode end =
        JSON.readTree(
            nats(server, "req", "nex.rootfs.status", question, "--raw", "--timeout", "30s")
                .output());
    assertThat(end.get("state").asText()).isEqualTo("completed");
    String cancel = "{\"id\":\"" + status.get("id").asText() + "\"}";
    assertThat(nats(server, "req", "nex.rootfs.cancel", cancel, "--raw").output())
        .contains("\"state\":\"completed\"");
    assertThat(
            nats(
                    server,
                    "kv",
                    "get",
                    "NEXROOTFS_BUILDS",
                    "build." + status.get("id").asText(),
                    "--raw")
                .output())
        .contains("\"state\":\"completed\"");
  }

  @Test
  void stoppingWorkersTenTimesOverLeavesNoRequestWithoutItsReply() throws Exception {
    writeBase(1_000_000);
    try (NatsServer server = NatsServer.start(NatsServer.program().orElseThrow(), "-js")) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      Connection client = NatsServer.connect(server.url());
      List<CompletableFuture<Message>> answers = new ArrayList<>();
      Program staying = worker(server, "cache-b", List.of());
      for (int round = 0; round < 10; round++) {
        Program leaving = staying;
        for (int i = 0; i < 4; i++) {
          long size = (100L << 20) + (round * 4L + i) * 4096;
          String body =
              "{\"image\":\"oci:" + base() + "\",\"guest\":\"plain\",\"size\":" + size + "}";
          answers.add(
              client.requestWithTimeout(
                  "nex.rootfs.build",
                  body.getBytes(StandardCharsets.UTF_8),
                  Duration.ofMinutes(2)));
        }
        client.flush(Duration.ofSeconds(5));
        // The next one is there before this one goes, as when a pool is upgraded.
        staying = worker(server, round % 2 == 0 ? "cache-a" : "cache-b", List.of(), "--grace", "0");
        assertThat(leaving.stop()).isZero();
        leaving.close();
      }
      for (CompletableFuture<Message> answer : answers) {
        assertThat(new String(answer.get(120, TimeUnit.SECONDS).getData(), StandardCharsets.UTF_8))
            .contains("\"location\"");
      }
      assertThat(staying.stop()).isZero();
      staying.close();
      client.close();
    }
  }

  @Test
  void serverThatIsKilledWhileAnImageIsStoredCostsTimeAndNothingElse() throws Exception {
    writeBase(1_000_000);
    String program = NatsServer.program().orElse("");
    org.junit.jupiter.api.Assumptions.assumeTrue(
        !program.isEmpty(), "needs a nats-server program to kill");
    try (NatsServer server = NatsServer.start(program, "-js");
        Program worker = worker(server, "cache", List.of())) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      Connection client = NatsServer.connect(server.url());
      String body = "{\"image\":\"oci:" + base() + "\",\"guest\":\"plain\",\"size\":1073741824}";
      CompletableFuture<Message> answer =
          client.requestWithTimeout(
              "nex.rootfs.build", body.getBytes(StandardCharsets.UTF_8), Duration.ofMinutes(2));
      awaitChunks(client, 20);
      server.killAndRestart(program);
      BuildReply reply =
          Protocol.read(answer.get(120, TimeUnit.SECONDS).getData(), BuildReply.class);
      assertThat(worker.log()).contains("store: the connection is lost");
      Path output = directory.resolve("rootfs.ext4");
      try (java.io.OutputStream out = Files.newOutputStream(output)) {
        client.objectStore("NEXROOTFS").get(reply.object(), out);
      }
      E2fsck.check(output);
      // 4096 chunks of 256 KiB, the object's meta and those of its two links.
      assertThat(
              client
                  .jetStreamManagement()
                  .getStreamInfo("OBJ_NEXROOTFS")
                  .getStreamState()
                  .getMsgCount())
          .isEqualTo(4096 + 3);
      client.close();
    }
  }

  @Test
  void requesterIsToldWhatIsWrongWithoutAWorkerABucketOrJetStream() throws Exception {
    writeBase(1000);
    String program = NatsServer.program().orElse("");
    org.junit.jupiter.api.Assumptions.assumeTrue(!program.isEmpty(), "needs a nats-server program");
    try (NatsServer server = NatsServer.start(program, "-js")) {
      Command.Result noBucket = request(server, directory.resolve("x"));
      assertThat(noBucket.exit()).isEqualTo(1);
      assertThat(noBucket.output()).contains("NEXINPUTS does not exist", "nex-rootfs setup");
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      Command.Result noWorker = request(server, directory.resolve("x"));
      assertThat(noWorker.exit()).isEqualTo(1);
      assertThat(noWorker.output()).contains("nobody serves nex.rootfs.build");
      assertThat(directory.resolve("x")).doesNotExist();
    }
    try (NatsServer server = NatsServer.start(program);
        Program worker = worker(server, "cache", List.of())) {
      assertThat(worker.log()).contains("NO_JETSTREAM");
      Command.Result noJetStream = request(server, directory.resolve("x"));
      assertThat(noJetStream.output()).contains("JetStream");
      assertThat(noJetStream.exit()).isEqualTo(1);
    }
    Command.Result bare =
        Program.run("setup", "--no-context", "--server", "user:secret@127.0.0.1:1");
    assertThat(bare.output()).contains("127.0.0.1:1").doesNotContain("secret");
    Command.Result noServer =
        Program.run("setup", "--no-context", "--server", "nats://user:secret@127.0.0.1:1");
    assertThat(noServer.exit()).isEqualTo(1);
    assertThat(noServer.output()).contains("127.0.0.1:1").doesNotContain("secret");
  }

  @Test
  void requestStoresNothingWhereSomethingIsMissing() throws Exception {
    writeBase(1000);
    try (NatsServer server = NatsServer.start()) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      Path none = directory.resolve("none");
      for (List<Object> wrong :
          List.<List<Object>>of(
              List.of("--agent", none),
              List.of("--agent", agent(), "--file", none + "=/x"),
              List.of("--agent", agent(), "--name", "a/b"),
              List.of("--agent", agent(), "--output", none.resolve("x")),
              List.of("--agent", agent(), "--script", none))) {
        List<Object> words =
            new ArrayList<>(
                List.of(
                    "request", "--no-context", "--server", server.url(), "--image-file", agent()));
        words.addAll(wrong);
        assertThat(Program.run(words.toArray()).exit())
            .as(wrong.toString())
            .isEqualTo(wrong.contains("--name") ? 2 : 1);
      }
      Connection connection = NatsServer.connect(server.url());
      assertThat(connection.objectStore("NEXINPUTS").getList()).isEmpty();
      connection.close();
    }
  }

  @Test
  void requestThatNothingIsHeardOfIsSentAgainUnderItsIdAndToItsInbox() throws Exception {
    writeBase(1000);
    List<Message> asked = new CopyOnWriteArrayList<>();
    try (NatsServer server = NatsServer.start()) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      Connection connection = NatsServer.connect(server.url());
      // A worker that dies with the first one.
      connection
          .createDispatcher(
              message -> {
                asked.add(message);
                if (asked.size() == 2) {
                  Headers headers = new Headers().add(Subjects.ERROR_CODE_HEADER, "503");
                  RequestException failure =
                      new RequestException(ErrorCode.DRAINING, "this is the second one");
                  connection.publish(
                      message.getReplyTo(), headers, Protocol.write(ErrorBody.of(failure, "x")));
                }
              })
          .subscribe("nex.rootfs.build");
      connection.flush(Duration.ofSeconds(5));
      Command.Result result =
          Program.run(
              "request",
              "--no-context",
              "--server",
              server.url(),
              "--agent",
              agent(),
              "--image",
              "oci:" + base());
      connection.close();
      assertThat(result.output()).contains("DRAINING: this is the second one");
    }
    assertThat(asked).hasSize(2);
    assertThat(asked.get(1).getReplyTo()).isEqualTo(asked.get(0).getReplyTo());
    assertThat(asked.get(1).getHeaders().getFirst(Subjects.BUILD_ID_HEADER))
        .isEqualTo(asked.get(0).getHeaders().getFirst(Subjects.BUILD_ID_HEADER));
    assertThat(asked.get(1).getData()).isEqualTo(asked.get(0).getData());
  }

  @Test
  void commandLineThatIsWrongExitsWith2AndSaysSo() {
    assertThat(Program.run().exit()).isEqualTo(2);
    assertThat(Program.run("build", "--size", "12parsecs").exit()).isEqualTo(2);
    assertThat(Program.run("frobnicate").exit()).isEqualTo(2);
    assertThat(Program.run("request", "--timeout", "0", "--agent", "x").exit()).isEqualTo(2);
    assertThat(Program.run("build", "--no-such-flag").output().lines())
        .containsExactly(
            "nex-rootfs: Unknown option: '--no-such-flag'; see nex-rootfs build --help");
    assertThat(Program.run("--help").output()).contains("worker", "request", "build", "setup");
    assertThat(
            Program.run("build", "--image", "oci:/none", "--size", "0", "--guest", "plain")
                .output())
        .contains("size: 0 is not")
        .doesNotContain("Exception");
    assertThat(Program.run("worker", "--max-size", "2GB").output())
        .contains("\"2GB\" is not bytes")
        .doesNotContain("Exception");
  }

  private void awaitChunks(Connection connection, long wanted) throws Exception {
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    while (true) {
      List<Subject> subjects =
          connection
              .jetStreamManagement()
              .getStreamInfo("OBJ_NEXROOTFS", StreamInfoOptions.filterSubjects("$O.NEXROOTFS.C.>"))
              .getStreamState()
              .getSubjects();
      long count = subjects == null ? 0 : subjects.stream().mapToLong(Subject::getCount).sum();
      if (count >= wanted) {
        return;
      }
      assertThat(System.nanoTime()).as("the upload began in time").isLessThan(deadline);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
    }
  }

  private Program worker(NatsServer server, String cache, List<String> jvm, String... more)
      throws IOException {
    List<String> flags = new ArrayList<>(List.of(more));
    flags.addAll(List.of("--allow-path", directory.toString()));
    return Program.worker(
        server.url(), directory.resolve(cache), jvm, Map.of(), flags.toArray(String[]::new));
  }

  private Command.Result request(NatsServer server, Path output) {
    return Program.run(
        "request",
        "--no-context",
        "--server",
        server.url(),
        "--image",
        "oci:" + base(),
        "--agent",
        agent(),
        "--size",
        "64MiB",
        "--output",
        output,
        "--timeout",
        "60");
  }

  private static Command.Result nats(NatsServer server, Object... arguments) {
    List<Object> words = new ArrayList<>(List.of("nats", "--no-context", "--server", server.url()));
    words.addAll(List.of(arguments));
    return Command.of(words.toArray()).run().orThrow();
  }

  private void writeBase(int bytes) throws IOException {
    byte[] content = new byte[bytes];
    new Random(bytes).nextBytes(content);
    OciImages.in(base())
        .layer(
            new Tar()
                .directory("etc/")
                .directory("sbin/")
                .file("sbin/init", "#!")
                .file("data", content)
                .bytes())
        .layer(new Tar().file("etc/.wh.gone", "").file("etc/name", "ä").link("link", "etc").bytes())
        .write();
    Files.write(agent(), Elf.amd64());
  }

  private Path base() {
    return directory.resolve("base");
  }

  private Path agent() {
    return directory.resolve("agent");
  }
}
