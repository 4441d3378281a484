package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import io.nats.client.NKey;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.support.JwtUtils;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code deploy/nats/jwt.conf}, with an operator, an account and users made here. */
@SuppressWarnings("try") // A connection's close() can be interrupted.
class JwtConfIT {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Duration FOR_EVER = Duration.ZERO;

  @TempDir Path directory;

  private final NKey operator = NKey.createOperator(null);
  private final NKey account = NKey.createAccount(null);
  private final NKey system = NKey.createAccount(null);

  JwtConfIT() throws Exception {}

  private static String name(NKey key) throws Exception {
    return new String(key.getPublicKey());
  }

  private String jwt(NKey signer, NKey subject, String name, Map<String, Object> claim)
      throws Exception {
    String json = new ObjectMapper().writeValueAsString(claim);
    return JwtUtils.issueJWT(
        signer,
        name(subject),
        name,
        FOR_EVER,
        Instant.now().getEpochSecond(),
        name(signer),
        () -> json);
  }

  private String accountJwt(NKey key, String name, boolean jetStream) throws Exception {
    int storage = jetStream ? -1 : 0;
    Map<String, Object> limits =
        Map.ofEntries(
            Map.entry("subs", -1),
            Map.entry("data", -1),
            Map.entry("payload", -1),
            Map.entry("imports", -1),
            Map.entry("exports", -1),
            Map.entry("wildcards", true),
            Map.entry("conn", -1),
            Map.entry("leaf", -1),
            Map.entry("mem_storage", storage),
            Map.entry("disk_storage", storage),
            Map.entry("streams", storage),
            Map.entry("consumer", storage));
    return jwt(operator, key, name, Map.of("limits", limits, "type", "account", "version", 2));
  }

  /** A creds file of a user with the rights of {@code users.conf}. */
  private Path creds(String user) throws Exception {
    NKey key = NKey.createUser(null);
    Map<String, Object> claim =
        user.equals("admin")
            ? Map.of("subs", -1, "data", -1, "payload", -1, "type", "user", "version", 2)
            : Map.of(
                "pub", Map.of("allow", UsersConfIT.subjects(user, true)),
                "sub", Map.of("allow", UsersConfIT.subjects(user, false)),
                "subs", -1,
                "data", -1,
                "payload", -1,
                "type", "user",
                "version", 2);
    Path file = directory.resolve(user + ".creds");
    Files.writeString(
        file,
        "-----BEGIN NATS USER JWT-----\n"
            + jwt(account, key, user, claim)
            + "\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n"
            + new String(key.getSeed())
            + "\n------END USER NKEY SEED------\n");
    return file;
  }

  /** What the script would have nsc do; nsc itself is in no distribution. */
  @Test
  void scriptGivesUsersOfNscTheLinesOfTheTable() throws Exception {
    Path nsc = directory.resolve("nsc");
    Files.writeString(nsc, "#!/bin/sh\nfor word; do echo \"$word\"; done\n");
    assertThat(nsc.toFile().setExecutable(true)).isTrue();
    for (String user : List.of("wfront", "wstore", "alice", "node")) {
      assertThat(nscUser(user, user))
          .containsExactly(
              "add",
              "user",
              "--account",
              "NEX",
              "--name",
              user,
              "--allow-pub",
              String.join(",", UsersConfIT.subjects(user, true)),
              "--allow-sub",
              String.join(",", UsersConfIT.subjects(user, false)));
    }
    assertThat(nscUser("alice", "bob"))
        .contains("bob", "_INBOX.bob.>,$NEX.events.bob.*,$NEX.FEED.bob.events.*")
        .noneMatch(word -> word.contains("alice"));
  }

  private List<String> nscUser(String user, String namespace) {
    return Command.of("sh", "../deploy/nats/nsc-user.sh", user)
        .variable("PATH", directory + ":" + System.getenv("PATH"))
        .variable("NAMESPACE", namespace)
        .run()
        .orThrow()
        .output()
        .lines()
        .toList();
  }

  @Test
  void poolServesWithCredsOfTheTable() throws Exception {
    OciImages.in(directory.resolve("base")).layer(new Tar().directory("etc/").bytes()).write();
    String resolver =
        "operator: "
            + jwt(operator, operator, "NEX_OPERATOR", Map.of("type", "operator", "version", 2))
            + "\nsystem_account: "
            + name(system)
            + "\nresolver: MEMORY\nresolver_preload: {\n"
            + name(account)
            + ": "
            + accountJwt(account, "NEX", true)
            + "\n"
            + name(system)
            + ": "
            + accountJwt(system, "SYS", false)
            + "\n}\n";
    try (NatsServer server =
        NatsServer.configured(
            NatsServer.program().orElseThrow(), "jwt.conf", Map.of("resolver.conf", resolver))) {
      String url = server.url();
      Program.run("setup", "--no-context", "--server", url, "--creds", creds("admin")).orThrow();
      Path contexts = Files.createDirectories(directory.resolve("config/nats/context"));
      Files.writeString(
          contexts.resolve("wstore.json"),
          new ObjectMapper()
              .writeValueAsString(
                  Map.of(
                      "url",
                      url,
                      "creds",
                      creds("wstore").toString(),
                      "inbox_prefix",
                      "_INBOX.wstore")));
      try (Program worker =
              Program.worker(
                  url,
                  directory.resolve("cache"),
                  List.of(),
                  Map.of("XDG_CONFIG_HOME", directory.resolve("config").toString()),
                  "--creds",
                  creds("wfront").toString(),
                  "--inbox-prefix",
                  "_INBOX.wfront",
                  "--store-context",
                  "wstore",
                  "--allow-path",
                  directory.toString());
          Connection alice =
              Nats.connect(
                  new Options.Builder()
                      .server(url)
                      .authHandler(Nats.credentials(creds("alice").toString()))
                      .inboxPrefix("_INBOX.alice")
                      .errorListener(new ErrorListener() {})
                      .build())) {
        String request =
            "{\"image\":\"oci:"
                + directory.resolve("base")
                + "\",\"guest\":\"plain\",\"size\":16777216}";
        Message answer =
            alice.request(
                "nex.rootfs.build.alice", request.getBytes(StandardCharsets.UTF_8), PATIENCE);
        assertThat(new String(answer.getData(), StandardCharsets.UTF_8)).contains("\"location\"");
        assertThat(worker.stop()).isZero();
      }
      assertThat(server.log()).doesNotContain("Violation");
    }
  }
}
