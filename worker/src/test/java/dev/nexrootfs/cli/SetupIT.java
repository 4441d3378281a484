package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import io.nats.client.Connection;
import io.nats.client.api.Mirror;
import io.nats.client.api.StreamConfiguration;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code setup} and {@code gc}, as an administrator uses them over time. */
@SuppressWarnings("try") // A connection's close() can be interrupted.
class SetupIT {
  private static final String PROGRAM = NatsServer.program().orElseThrow();

  private static final String WAITED_FOR = "sha256-" + "1".repeat(64);
  private static final String FORGOTTEN = "sha256-" + "2".repeat(64);

  private static Command.Result run(NatsServer server, String command, String... flags) {
    List<Object> words = new ArrayList<>();
    words.addAll(List.of(command, "--no-context", "--server", server.url()));
    words.addAll(List.of(flags));
    return Program.run(words.toArray());
  }

  private static StreamConfiguration stream(Connection connection, String name) throws Exception {
    return connection.jetStreamManagement().getStreamInfo(name).getConfiguration();
  }

  @Test
  void whatNoFlagSaysStaysAsAnEarlierSetupMadeIt() throws Exception {
    try (NatsServer server = NatsServer.start(PROGRAM, "-js");
        Connection connection = NatsServer.connect(server.url())) {
      run(server, "setup", "--blobs-bytes", "0").orThrow();
      assertThat(run(server, "setup", "--max-bytes", "700MiB").exit()).isEqualTo(1);
      assertThat(run(server, "setup", "--max-bytes", "700MiB", "--update").orThrow().output())
          .contains("bucket NEXROOTFS updated", "max_bytes: was -1, is 734003200");
      run(server, "setup", "--max-jobs", "20000", "--update").orThrow();
      assertThat(run(server, "setup", "--update").orThrow().output()).doesNotContain("updated");
      run(server, "setup").orThrow();
      assertThat(stream(connection, "OBJ_NEXROOTFS").getMaxBytes()).isEqualTo(700 << 20);
      assertThat(stream(connection, "NEX_ROOTFS_JOBS").getMaxMsgs()).isEqualTo(20_000);
      assertThat(connection.jetStreamManagement().getStreamNames()).doesNotContain("OBJ_NEXBLOBS");
      var tagged =
          connection
              .jetStreamManagement()
              .updateStream(
                  StreamConfiguration.builder(stream(connection, "OBJ_NEXROOTFS"))
                      .maximumMessageSize(1 << 20)
                      .build());
      assertThat(tagged.getConfiguration().getMaximumMessageSize()).isEqualTo(1 << 20);
      run(server, "setup", "--max-bytes", "-1", "--blobs-bytes", "2GiB", "--update").orThrow();
      assertThat(stream(connection, "OBJ_NEXROOTFS").getMaxBytes()).isEqualTo(-1);
      assertThat(stream(connection, "OBJ_NEXROOTFS").getMaximumMessageSize())
          .as("what setup has no flag for")
          .isEqualTo(1 << 20);
      assertThat(stream(connection, "OBJ_NEXBLOBS").getMaxBytes()).isEqualTo(2L << 30);
    }
  }

  @Test
  void setupThatDidNotComeToItsEndIsEndedByTheNext() throws Exception {
    try (NatsServer server = NatsServer.start(PROGRAM, "-js");
        Connection connection = NatsServer.connect(server.url())) {
      run(server, "setup").orThrow();
      for (String missing : List.of("OBJ_NEXBLOBS", "NEX_ROOTFS_JOBS")) {
        assertThat(connection.jetStreamManagement().deleteStream(missing)).isTrue();
      }
      assertThat(run(server, "setup").orThrow().output())
          .contains("bucket NEXBLOBS made", "stream NEX_ROOTFS_JOBS made");
      assertThat(connection.jetStreamManagement().deleteStream("OBJ_NEXBLOBS")).isTrue();
      assertThat(run(server, "setup").orThrow().output())
          .contains("bucket NEXBLOBS (--blobs-bytes makes it) left out");
    }
  }

  @Test
  void serverWithoutJetStreamIsToldSo() throws Exception {
    try (NatsServer server = NatsServer.start(PROGRAM)) {
      Command.Result setup = run(server, "setup");
      assertThat(setup.exit()).isEqualTo(1);
      assertThat(setup.output()).contains("the NATS server has no JetStream");
    }
  }

  @Test
  void poolIsNotSetUpWhereItsBucketIsAMirror() throws Exception {
    try (NatsServer server = NatsServer.start(PROGRAM, "-js");
        Connection connection = NatsServer.connect(server.url())) {
      var mirror =
          connection
              .jetStreamManagement()
              .addStream(
                  StreamConfiguration.builder()
                      .name("OBJ_NEXROOTFS")
                      .mirror(Mirror.builder().name("ORIGIN").build())
                      .build());
      assertThat(mirror.getConfiguration().getMirror().getName()).isEqualTo("ORIGIN");
      Command.Result setup = run(server, "setup", "--update");
      assertThat(setup.exit()).isEqualTo(1);
      assertThat(setup.output()).contains("is a mirror here", "setup --mirror-from DOMAIN");
      assertThat(connection.jetStreamManagement().getStreamNames())
          .containsExactly("OBJ_NEXROOTFS");
      Command.Result gc = run(server, "gc", "--max-age", "1");
      assertThat(gc.exit()).isEqualTo(2);
      assertThat(gc.output()).contains("is a mirror here; give --mirror");
    }
  }

  @Test
  void inputsOfWaitingJobsStayAndOthersGo() throws Exception {
    try (NatsServer server = NatsServer.start(PROGRAM, "-js");
        Connection connection = NatsServer.connect(server.url())) {
      run(server, "setup").orThrow();
      for (String input : List.of(WAITED_FOR, FORGOTTEN, "debian:12.tar")) {
        var stored =
            connection
                .objectStore("NEXINPUTS")
                .put(input, new ByteArrayInputStream(new byte[100_000]));
        assertThat(stored.getSize()).isEqualTo(100_000);
      }
      String job =
          "{\"image\":\"nats://NEXINPUTS/" + WAITED_FOR + "@sha256:abc\",\"guest\":\"plain\"}";
      var queued =
          connection
              .jetStream()
              .publish("nex.rootfs.jobs.build.default.x", job.getBytes(StandardCharsets.UTF_8));
      assertThat(queued.getSeqno()).isEqualTo(1);
      String[] all = {"--bucket", "NEXINPUTS", "--max-bytes", "0", "--min-age", "0"};
      String said = run(server, "gc", all).orThrow().output();
      assertThat(said)
          .contains(
              "deleted " + FORGOTTEN + ", 100000 bytes", "1 in all", "2 more stay: being built")
          .doesNotContain("deleted debian", "deleted " + WAITED_FOR);
      assertThat(connection.jetStreamManagement().purgeStream("NEX_ROOTFS_JOBS").isSuccess())
          .isTrue();
      assertThat(run(server, "gc", all).orThrow().output())
          .contains("deleted " + WAITED_FOR, "1 in all", "1 more stays: being built");
    }
  }
}
