package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Containers;
import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.HttpAnswer;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import io.nats.client.Connection;
import io.nats.client.Message;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The container image, and the compose file that runs it, by podman. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(240)
@SuppressWarnings("try") // A connection's close() can be interrupted.
class ContainerIT {
  private static final Path COMPOSE = Path.of("../deploy/compose/compose.yaml");

  private Path directory = Path.of("");
  private Containers containers;

  @BeforeAll
  void build(@TempDir Path directory) throws Exception {
    this.directory = directory;
    containers = Containers.open(directory);
    containers.buildImage();
    Files.write(directory.resolve("agent"), Elf.amd64());
    OciImages.in(directory.resolve("base"))
        .layer(
            new Tar()
                .directory("etc/")
                .file("sbin/init", "#!")
                .file("sbin/openrc-run", "#!")
                .bytes())
        .write();
    Command.of("tar", "-C", directory.resolve("base"), "-cf", directory.resolve("base.tar"), ".")
        .run()
        .orThrow();
  }

  /** The store is this test's own: what it leaves there would only grow. */
  @AfterAll
  void prune() {
    if (containers != null) {
      containers.run("podman", "image", "prune", "-f").orThrow();
      containers.run("podman", "volume", "prune", "-f").orThrow();
    }
  }

  @Test
  void imageStartsFromItsClassArchive() {
    String version =
        containers
            .run(
                "podman",
                "run",
                "--rm",
                "--network=none",
                "--read-only",
                // The JVM ends with an error where it cannot map the archive.
                "--env=NEX_ROOTFS_JAVA_OPTS=-Xshare:on",
                Containers.IMAGE,
                "--version")
            .orThrow()
            .output();
    assertThat(version).contains("nex-rootfs ");
  }

  @Test
  void workerWithoutAnyRightBuildsAndDrainsOnSigterm() throws Exception {
    String name = "nex-rootfs-it-" + ProcessHandle.current().pid();
    try (NatsServer server = NatsServer.start();
        Connection client = NatsServer.connect(server.url())) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      int port = freePort();
      containers
          .run(
              "podman",
              "run",
              "-d",
              "--name=" + name,
              "--network=host",
              "--read-only",
              "--cap-drop=all",
              "--security-opt=no-new-privileges",
              "--env=NATS_URL=" + server.url(),
              Containers.IMAGE,
              "worker",
              "--http=127.0.0.1:" + port)
          .orThrow();
      awaitLog(name, " serves ");
      assertThat(exec(name, "id", "-u").output()).contains("10001");
      assertThat(exec(name, "touch", "/opt/nex-rootfs/x").exit()).isNotZero();
      exec(name, "/opt/nex-rootfs/health", Integer.toString(port)).orThrow();
      Path image = directory.resolve("rootfs.ext4");
      request(server.url(), image, "64MiB").orThrow();
      E2fsck.check(image);
      String body =
          Files.readString(Path.of("src/test/resources/containers/request.json"))
              .replace("BASE", inputOf("base.tar"))
              .replace("AGENT", inputOf("agent"));
      CompletableFuture<Message> answer =
          client.requestWithTimeout(
              "nex.rootfs.build", body.getBytes(StandardCharsets.UTF_8), Duration.ofMinutes(2));
      awaitLog(name, "is queued");
      containers.run("podman", "stop", "--time=60", name).orThrow();
      assertThat(new String(answer.get(60, TimeUnit.SECONDS).getData(), StandardCharsets.UTF_8))
          .contains("\"location\"");
      assertThat(
              containers
                  .run("podman", "inspect", "-f", "{{.State.ExitCode}}", name)
                  .output()
                  .strip())
          .endsWith("0");
      assertThat(containers.run("podman", "logs", name).output()).contains("stopped");
    } finally {
      containers.run("podman", "rm", "-f", "-v", name);
    }
  }

  private String inputOf(String file) throws Exception {
    return dev.nexrootfs.oci.Digest.sha256(Files.readAllBytes(directory.resolve(file))).hex();
  }

  @Test
  void poolOfTheComposeFileServesWithThreeNodesAndWithTwo() throws Exception {
    Command.require("prometheus");
    Command.require("docker-registry");
    Command.require("nats-server-current");
    int prometheus = freePort();
    List<Integer> ports = List.of(freePort(), freePort(), freePort());
    containers
        .with("NEX_ROOTFS_IMAGE", Containers.IMAGE)
        .with("NATS_IMAGE", containers.buildStandIn(directory, "nats", "nats-server-current"))
        .with("REGISTRY_IMAGE", containers.buildStandIn(directory, "registry", "docker-registry"))
        .with("PROMETHEUS_IMAGE", containers.buildStandIn(directory, "prometheus", "prometheus"))
        .with("PROMETHEUS_PORT", Integer.toString(prometheus));
    for (int i = 0; i < 3; i++) {
      containers.with("NATS_PORT_" + (i + 1), ports.get(i).toString());
    }
    String project = "nexit" + ProcessHandle.current().pid();
    try {
      compose(project, "up", "-d").orThrow();
      awaitLog(project + "_setup_1", "stream NEX_ROOTFS_JOBS");
      awaitLog(project + "_worker_1", " serves ");
      awaitLog(project + "_worker_2", " serves ");
      Path image = directory.resolve("composed.ext4");
      request(url(ports.get(0)), image, "64MiB").orThrow();
      E2fsck.check(image);
      awaitMetric(prometheus, "sum(nex_rootfs_built_total)", "\"1\"");
      awaitMetric(prometheus, "count(up{job=\"nex-rootfs\"}==1)", "\"2\"");
      assertThat(HttpAnswer.of(prometheus, "/api/v1/rules").body())
          .contains("NexRootfsNoWorker")
          .doesNotContain("\"health\":\"err\"");
      containers.run("podman", "stop", "--time=5", project + "_nats-2_1").orThrow();
      request(url(ports.get(2)), image, "68MiB").orThrow();
      E2fsck.check(image);
    } finally {
      Command.Result down = compose(project, "down", "-v", "-t", "5");
      assertThat(down.output()).contains("podman");
    }
  }

  private static String url(int port) {
    return "nats://127.0.0.1:" + port;
  }

  private Command.Result compose(String project, String... words) {
    List<Object> all =
        new ArrayList<>(List.of("podman-compose", "-p", project, "-f", COMPOSE.toAbsolutePath()));
    all.addAll(List.of(words));
    return containers.run(all.toArray());
  }

  private Command.Result request(String url, Path output, String size) {
    return Program.run(
        "request",
        "--no-context",
        "--server",
        url,
        "--image-file",
        directory.resolve("base.tar"),
        "--agent",
        directory.resolve("agent"),
        "--size",
        size,
        "--output",
        output);
  }

  private Command.Result exec(String name, String... words) {
    List<Object> all = new ArrayList<>(List.of("podman", "exec", name));
    all.addAll(List.of(words));
    return containers.run(all.toArray());
  }

  private void awaitLog(String name, String text) {
    Instant end = Instant.now().plusSeconds(60);
    String log = "";
    while (!log.contains(text)) {
      assertThat(Instant.now()).as("%s does not say \"%s\":%n%s", name, text, log).isBefore(end);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(100));
      log = containers.run("podman", "logs", name).output();
    }
  }

  private static void awaitMetric(int port, String query, String value) throws Exception {
    Instant end = Instant.now().plusSeconds(60);
    String path =
        "/api/v1/query?query=" + java.net.URLEncoder.encode(query, StandardCharsets.UTF_8);
    String answer = "";
    while (!answer.contains(value)) {
      assertThat(Instant.now()).as("%s: %s", query, answer).isBefore(end);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
      answer = HttpAnswer.of(port, path).body();
    }
  }

  private static int freePort() throws Exception {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
