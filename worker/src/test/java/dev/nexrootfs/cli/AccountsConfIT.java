package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Subscription;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tenants in accounts of their own, by {@code deploy/nats/accounts.conf}. */
@SuppressWarnings("try") // A connection's close() can be interrupted.
class AccountsConfIT {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @TempDir Path directory;

  @Test
  void tenantIsNamedByTheServerAndSeesItsOwnEventsOnly() throws Exception {
    OciImages.in(directory.resolve("base")).layer(new Tar().directory("etc/").bytes()).write();
    try (NatsServer server =
        NatsServer.configured(NatsServer.program().orElseThrow(), "accounts.conf", "-V")) {
      String url = server.url();
      Program.run(
              "setup", "--no-context", "--server", url, "--user", "admin", "--password", "admin")
          .orThrow();
      try (Program worker =
              Program.worker(
                  url,
                  directory.resolve("cache"),
                  List.of(),
                  Map.of(),
                  "--user",
                  "worker",
                  "--password",
                  "worker",
                  "--allow-path",
                  directory.toString());
          Connection tenant = connect(url, "tenant");
          Connection admin = connect(url, "admin")) {
        Subscription own = tenant.subscribe("$NEX.events.*.*");
        Subscription feed = tenant.subscribe("$NEX.FEED.*.events.*");
        tenant.flush(PATIENCE);
        String request =
            "{\"image\":\"oci:"
                + directory.resolve("base")
                + "\",\"guest\":\"plain\",\"size\":16777216,\"namespace\":\"%s\"}";
        Message foreign = ask(admin, String.format(request, "OTHER"));
        assertThat(text(foreign)).contains("\"location\"");
        Message answer = ask(tenant, String.format(request, "OTHER"));
        assertThat(text(answer)).contains("\"location\"");
        JsonNode event = new ObjectMapper().readTree(own.nextMessage(PATIENCE).getData());
        assertThat(event.get("namespace").asText()).isEqualTo("TENANT");
        assertThat(feed.nextMessage(PATIENCE).getSubject()).startsWith("$NEX.FEED.TENANT.events.");
        String id = event.get("buildid").asText();
        Message status =
            tenant.request(
                "nex.rootfs.status",
                ("{\"id\":\"" + id + "\"}").getBytes(StandardCharsets.UTF_8),
                PATIENCE);
        assertThat(text(status)).contains("\"namespace\":\"TENANT\"");
        assertThat(worker.stop()).isZero();
      }
      // The line of users.conf for answers to another account.
      assertThat(server.log()).containsPattern("<<- \\[H?PUB _R_\\.");
    }
  }

  private static Message ask(Connection client, String request) throws Exception {
    Message answer =
        client.request("nex.rootfs.build", request.getBytes(StandardCharsets.UTF_8), PATIENCE);
    assertThat(answer).isNotNull();
    return answer;
  }

  private static String text(Message message) {
    return new String(message.getData(), StandardCharsets.UTF_8);
  }

  private static Connection connect(String url, String user) throws Exception {
    return Nats.connect(
        new Options.Builder()
            .server(url)
            .userInfo(user, user)
            .errorListener(new ErrorListener() {})
            .build());
  }
}
