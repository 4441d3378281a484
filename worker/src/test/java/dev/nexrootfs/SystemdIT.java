package dev.nexrootfs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.SystemdMachine;
import dev.nexrootfs.oracle.Tar;
import io.nats.client.Connection;
import io.nats.client.Subscription;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The units of deploy/systemd and deploy/node under a systemd that runs. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("try") // A connection's close() can be interrupted.
class SystemdIT {
  private static final String WORKER = "nex-rootfs-worker";
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  private final SystemdMachine machine;
  private final NatsServer server;
  private final Path image;

  SystemdIT(@TempDir Path directory) throws Exception {
    Path layout = directory.resolve("layout");
    OciImages.in(layout).layer(new Tar().directory("etc/").bytes()).write();
    image = directory.resolve("image.tar");
    Command.of("tar", "-c", "-f", image, "-C", layout, ".").run().orThrow();
    // It skips these tests where no systemd can be booted, and then there is no server to stop.
    machine = SystemdMachine.boot(directory);
    server = NatsServer.start(NatsServer.program().orElseThrow(), "-js");
  }

  /** The commands of deploy/README.md, as they stand there. */
  @BeforeAll
  void install() throws Exception {
    Program.run("setup", "--no-context", "--server", server.url()).orThrow();
    List<String> lines = commands();
    assertThat(lines).hasSizeGreaterThan(4);
    for (String line : lines.subList(0, lines.size() - 1)) {
      machine
          .run("cd /checkout; export JAVA_HOME=" + SystemdMachine.home() + "; " + line)
          .orThrow();
    }
    edit("/etc/nex-rootfs/worker.env");
    machine.run(lines.get(lines.size() - 1)).orThrow();
  }

  @AfterAll
  void stop() throws Exception {
    machine.close();
    server.close();
  }

  private static List<String> commands() throws IOException {
    String text = Files.readString(Path.of("../deploy/README.md"));
    String after = text.substring(text.indexOf("**systemd.**"));
    String fence = "\n```";
    int begin = after.indexOf(fence) + fence.length() + 1;
    return after.substring(begin, after.indexOf(fence, begin)).lines().toList();
  }

  private void edit(String settings) throws IOException {
    Path file = machine.file(settings);
    Files.writeString(
        file,
        Files.readString(file)
                .replaceAll("(?m)^NATS_.*\n", "")
                // The network is that of other tests, too.
                .replace("127.0.0.1:9090", "127.0.0.1:0")
            + "\nNATS_URL="
            + server.url()
            + "\nJAVA_HOME="
            + SystemdMachine.home()
            + "\n");
  }

  /** A unit is started before its worker serves, and RestartSec before it is started again. */
  private void awaitServing() throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    try (Connection connection = NatsServer.connect(server.url())) {
      while (connection.request("$SRV.PING.nex-rootfs", null, Duration.ofSeconds(1)) == null) {
        assertThat(System.nanoTime()).as(journal()).isLessThan(deadline);
      }
    }
  }

  private String journal() {
    return machine.run("journalctl --no-pager -u " + WORKER).output();
  }

  private Command.Result request(String... flags) {
    return Command.of(
            Program.words(
                    List.of(),
                    Stream.concat(
                            Stream.of(
                                "request",
                                "--no-context",
                                "--server",
                                server.url(),
                                "--guest",
                                "plain",
                                "--image-file",
                                image.toString()),
                            Stream.of(flags))
                        .toArray())
                .toArray())
        .run();
  }

  @Test
  void workerIsStartedAgainWhenItWasKilledAndAnswersBeforeItStops() throws Exception {
    machine.run("systemctl start " + WORKER).orThrow();
    awaitServing();
    request("--name", "first").orThrow();
    machine.run("kill -9 $(systemctl show -p MainPID --value " + WORKER + ")").orThrow();
    awaitServing();
    request("--name", "second", "--size", "160MiB").orThrow();
    try (Connection connection = NatsServer.connect(server.url())) {
      Subscription events = connection.subscribe("$NEX.events.default.rootfs_build_started");
      connection.flush(PATIENCE);
      CompletableFuture<Command.Result> answer =
          CompletableFuture.supplyAsync(() -> request("--name", "third", "--size", "1GiB"));
      assertThat(events.nextMessage(PATIENCE)).isNotNull();
      machine.run("systemctl stop " + WORKER).orThrow();
      answer.get(PATIENCE.toSeconds(), TimeUnit.SECONDS).orThrow();
    }
    assertThat(
            machine.run("systemctl show -p NRestarts -p Result -p ActiveState " + WORKER).output())
        .contains("NRestarts=1", "Result=success", "ActiveState=inactive");
    assertThat(journal()).contains("stopped");
  }

  @Test
  void nodesUnitFetchesThePoolsImage() throws Exception {
    machine.run("systemctl start " + WORKER).orThrow();
    awaitServing();
    request("--name", "rootfs").orThrow();
    machine
        .run(
            "cd /checkout/deploy/node; install -m 644 -t /etc/systemd/system *.service *.timer;"
                + " install -m 600 preflight.env /etc/nex-rootfs/preflight.env")
        .orThrow();
    edit("/etc/nex-rootfs/preflight.env");
    machine
        .run(
            "systemctl daemon-reload; systemctl enable --now nex-rootfs-preflight.timer;"
                + " systemctl start nex-rootfs-preflight")
        .orThrow();
    Path fetched = machine.file("/var/lib/nex/rootfs.ext4");
    try (Connection connection = NatsServer.connect(server.url())) {
      String object =
          connection.objectStore("NEXROOTFS").getInfo("rootfs").getLink().getObjectName();
      assertThat(object).startsWith("build_");
      String digest = connection.objectStore("NEXROOTFS").getInfo(object).getDigest();
      byte[] stored = Base64.getUrlDecoder().decode(digest.substring("SHA-256=".length()));
      assertThat(Digest.sha256(Files.readAllBytes(fetched))).isEqualTo(Digest.ofSha256(stored));
    }
    assertThat(machine.run("systemctl list-timers --no-pager").output())
        .contains("nex-rootfs-preflight.timer");
  }
}
