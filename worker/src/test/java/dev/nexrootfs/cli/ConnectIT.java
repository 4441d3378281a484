package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Certificates;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import io.nats.client.NKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every way of saying who we are, to servers that want to know. */
class ConnectIT {
  private static final String SECRET = "s3cr3t-p4ss";

  @TempDir Path directory;
  private String program = "";

  @BeforeEach
  void findServer() {
    program = NatsServer.program().orElse("");
    org.junit.jupiter.api.Assumptions.assumeTrue(
        !program.isEmpty(), "needs a nats-server program to configure");
  }

  @Test
  void userAndPasswordByFlagsByVariablesAndInTheUrl() throws Exception {
    try (NatsServer server =
        NatsServer.start(program, "-js", "--user", "alice", "--pass", SECRET)) {
      connects(setup(Map.of(), "--server", server.url(), "--user", "alice", "--password", SECRET));
      connects(
          setup(Map.of("NATS_URL", server.url(), "NATS_USER", "alice", "NATS_PASSWORD", SECRET)));
      connects(setup(Map.of(), "--server", server.url().replace("//", "//alice:" + SECRET + "@")));
      refused(
          setup(
              Map.of(),
              "--server",
              server.url(),
              "--user",
              "alice",
              "--password",
              "wrong-" + SECRET));
      refused(setup(Map.of(), "--server", server.url().replace("//", "//bob:" + SECRET + "@")));
      refused(setup(Map.of(), "--server", server.url()));
    }
  }

  @Test
  void workerWhosePasswordCountsNoMoreEndsSoThatItIsStartedAnew() throws Exception {
    try (NatsServer server =
        NatsServer.start(program, "-js", "--user", "alice", "--pass", SECRET)) {
      String url = server.url();
      connects(setup(Map.of(), "--server", url, "--user", "alice", "--password", SECRET));
      try (Program worker =
          Program.worker(
              url,
              directory.resolve("cache"),
              List.of(),
              Map.of("NATS_PASSWORD", SECRET),
              "--user",
              "alice")) {
        server.killAndRestart(program, "--user", "alice", "--pass", "other");
        assertThat(worker.awaitExit(Duration.ofSeconds(60))).isEqualTo(1);
        assertThat(worker.log()).contains("is closed for good").doesNotContain(SECRET);
      }
    }
  }

  @Test
  void tokenByFlagAndAsAUserWithoutAPassword() throws Exception {
    try (NatsServer server = NatsServer.start(program, "-js", "--auth", SECRET)) {
      connects(setup(Map.of(), "--server", server.url(), "--token", SECRET));
      connects(setup(Map.of(), "--server", server.url(), "--user", SECRET));
      refused(setup(Map.of(), "--server", server.url()));
    }
  }

  @Test
  void selectedAndNamedContextWithFlagsBeforeIt() throws Exception {
    try (NatsServer server =
        NatsServer.start(program, "-js", "--user", "alice", "--pass", SECRET)) {
      context(
          "good",
          "{\"url\":\""
              + server.url()
              + "\",\"user\":\"alice\",\"password\":\"env://SECRET_OF_TEST\"}");
      context(
          "bad", "{\"url\":\"" + server.url() + "\",\"user\":\"alice\",\"password\":\"wrong\"}");
      Files.writeString(directory.resolve("config/nats/context.txt"), "good\n");
      Map<String, String> environment = Map.of("SECRET_OF_TEST", SECRET);
      connects(setup(environment));
      connects(setup(environment, "--context", "good"));
      refused(setup(environment, "--context", "bad"));
      connects(setup(environment, "--context", "bad", "--user", "alice", "--password", SECRET));
      refused(setup(environment, "--no-context", "--server", server.url()));
      Command.Result missing = setup(environment, "--context", "none");
      assertThat(missing.output()).contains("there is no NATS context none", "none.json");
      Command.Result unset = setup(Map.of(), "--context", "good");
      assertThat(unset.output())
          .contains("SECRET_OF_TEST, which is not set")
          .doesNotContain("\tat ");
      assertThat(unset.exit()).isEqualTo(1);
    }
  }

  @Test
  void nkeySeedFromAFile() throws Exception {
    NKey key = NKey.createUser(null);
    Path seed = Files.writeString(directory.resolve("user.nk"), new String(key.getSeed()) + "\n");
    Path configuration =
        Files.writeString(
            directory.resolve("server.conf"),
            "authorization { users = [ { nkey: \"" + new String(key.getPublicKey()) + "\" } ] }\n");
    try (NatsServer server = NatsServer.start(program, "-js", "-c", configuration.toString())) {
      connects(setup(Map.of(), "--server", server.url(), "--nkey", seed.toString()));
      refused(setup(Map.of(), "--server", server.url()));
      Command.Result none =
          setup(Map.of(), "--server", server.url(), "--nkey", directory.resolve("none").toString());
      assertThat(none.output()).contains("the NKEY file").doesNotContain("\tat ");
      assertThat(none.exit()).isEqualTo(1);
    }
  }

  @Test
  void tlsWithAPrivateAuthorityAndAClientCertificate() throws Exception {
    Certificates.make(directory);
    // A busy machine's handshake may take longer than the two seconds that the server usually
    // waits.
    String tls =
        "tls { verify: true, timeout: 30, cert_file: \"%s\", key_file: \"%s\", ca_file: \"%s\" }"
            .formatted(pem("server.pem"), pem("server.key"), pem("ca.pem"));
    Path configuration = Files.writeString(directory.resolve("tls.conf"), tls);
    try (NatsServer server = NatsServer.start(program, "-js", "-c", configuration.toString())) {
      String url = server.url().replace("nats://", "tls://").replace("127.0.0.1", "localhost");
      connects(
          setup(
              Map.of(),
              "--server",
              url,
              "--tlsca",
              pem("ca.pem"),
              "--tlscert",
              pem("client.pem"),
              "--tlskey",
              pem("client.key")));
      refused(setup(Map.of(), "--server", url, "--tlsca", pem("ca.pem")));
      refused(setup(Map.of(), "--server", url));
      Command.Result noKey = setup(Map.of(), "--server", url, "--tlscert", pem("client.pem"));
      assertThat(noKey.output()).contains("needs --tlskey");
      Command.Result swapped =
          setup(
              Map.of(), "--server", url, "--tlscert", pem("client.pem"), "--tlskey", pem("ca.pem"));
      assertThat(swapped.output()).contains("PKCS#8");
    }
  }

  private String pem(String name) {
    return directory.resolve(name).toString();
  }

  @Test
  void contextThatIsNoJsonIsNotQuoted() throws Exception {
    Path contexts = directory.resolve("config/nats/context");
    Files.createDirectories(contexts);
    Files.writeString(contexts.resolve("bad.json"), "{\n\"password\": " + SECRET + "}");
    Command.Result result =
        setup(
            Map.of("XDG_CONFIG_HOME", directory.resolve("config").toString()), "--context", "bad");
    assertThat(result.exit()).isEqualTo(1);
    assertThat(result.output()).contains("bad.json, line 2: not JSON").doesNotContain("s3cr3t");
  }

  @Test
  void contextsAreLookedForInTheHomeOfTheEnvironment() {
    Command.Result missing =
        setup(Map.of("HOME", "/nonexistent/home", "XDG_CONFIG_HOME", ""), "--context", "elsewhere");
    assertThat(missing.output()).contains("/nonexistent/home/.config/nats/context/elsewhere.json");
  }

  private void context(String name, String json) throws IOException {
    Path contexts = Files.createDirectories(directory.resolve("config/nats/context"));
    Files.writeString(contexts.resolve(name + ".json"), json);
  }

  private Command.Result setup(Map<String, String> environment, String... flags) {
    Object[] arguments = new Object[flags.length + 1];
    arguments[0] = "setup";
    System.arraycopy(flags, 0, arguments, 1, flags.length);
    Command command =
        Command.of(Program.words(List.of(), arguments).toArray())
            .variable("XDG_CONFIG_HOME", directory.resolve("config").toString());
    environment.forEach(command::variable);
    return command.run();
  }

  private static void connects(Command.Result result) {
    assertThat(result.exit()).as(result.output()).isZero();
    assertThat(result.output()).contains("bucket NEXROOTFS").doesNotContain(SECRET);
  }

  private static void refused(Command.Result result) {
    assertThat(result.exit()).as(result.output()).isEqualTo(1);
    assertThat(result.output()).contains("cannot connect").doesNotContain(SECRET);
  }
}
