package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.Leases;
import dev.nexrootfs.store.ObjectBucket;
import dev.nexrootfs.store.ObjectDownload.Way;
import dev.nexrootfs.store.StoreException;
import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Subscription;
import io.nats.client.impl.Headers;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The permission table of {@code deploy/nats/users.conf}, line by line, on a real server. */
@SuppressWarnings("try") // A connection's close() can be interrupted.
class UsersConfIT {
  private static final Path CONF = Path.of("../deploy/nats/users.conf");
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final Pattern USER = Pattern.compile("\\{ user: (\\w+), password");
  private static final Pattern LINE = Pattern.compile("^\\s+\"([^\"]+)\"\\s*$");
  private static final Pattern CONNECT =
      Pattern.compile("cid:(\\d+) .*CONNECT .*\"user\":\"(\\w+)\"");
  private static final Pattern PUB = Pattern.compile("cid:(\\d+) .*<<- \\[H?PUB (\\S+)");
  private static final Pattern SUB =
      Pattern.compile("cid:(\\d+) .*<<- \\[SUB (\\S+)(?: +(\\S+))? +\\d+\\s*\\]");

  /** Enough for the server's flow control. */
  private static final int LARGE = 12 << 20;

  @TempDir Path directory;

  /** One line of the table. */
  private record Permission(String user, boolean publish, String subject) {}

  private static List<Permission> table() throws Exception {
    List<Permission> table = new ArrayList<>();
    String user = "";
    boolean publish = true;
    for (String line : Files.readAllLines(CONF)) {
      Matcher start = USER.matcher(line);
      if (start.find()) {
        user = start.group(1);
      }
      if (line.contains("publish:") || line.contains("subscribe:")) {
        publish = line.contains("publish:");
      }
      Matcher entry = LINE.matcher(line);
      if (entry.matches()) {
        table.add(new Permission(user, publish, entry.group(1)));
      }
    }
    return table;
  }

  /** The lines of one user. */
  static List<String> subjects(String user, boolean publish) throws Exception {
    return table().stream()
        .filter(line -> line.user().equals(user) && line.publish() == publish)
        .map(Permission::subject)
        .toList();
  }

  private static Connection connect(String url, String user) throws Exception {
    return Nats.connect(
        new Options.Builder()
            .server(url)
            .userInfo(user, user)
            .inboxPrefix("_INBOX." + user)
            .errorListener(new ErrorListener() {})
            .build());
  }

  private Program worker(String url, String name) throws Exception {
    Path config = directory.resolve("config/nats/context");
    Files.createDirectories(config);
    Files.writeString(
        config.resolve("wstore.json"),
        "{\"url\":\""
            + url
            + "\",\"user\":\"wstore\",\"password\":\"wstore\",\"inbox_prefix\":\"_INBOX.wstore\"}");
    return Program.worker(
        url,
        directory.resolve("cache-" + name),
        List.of(),
        Map.of("XDG_CONFIG_HOME", directory.resolve("config").toString()),
        "--user",
        "wfront",
        "--password",
        "wfront",
        "--inbox-prefix",
        "_INBOX.wfront",
        "--store-context",
        "wstore",
        "--name",
        name,
        "--allow-path",
        directory.toString());
  }

  private static Message ask(Connection client, String subject, String json, String id)
      throws Exception {
    Message answer =
        client.request(
            subject,
            new Headers().add("Nex-Build-Id", id),
            json.getBytes(StandardCharsets.UTF_8),
            PATIENCE);
    assertThat(answer).as(json).isNotNull();
    return answer;
  }

  @Test
  void everyLineOfTheTableIsNeeded() throws Exception {
    try (NatsServer server =
        NatsServer.configured(NatsServer.program().orElseThrow(), "users.conf", "-V")) {
      String url = server.url();
      Command.Result setup =
          Program.run(
              "setup", "--no-context", "--server", url, "--user", "admin", "--password", "admin");
      assertThat(setup.exit()).as(setup.toString()).isZero();
      try {
        useEverything(url);
      } catch (Exception | AssertionError e) {
        throw new AssertionError(String.join("\n", violations(server.log())), e);
      }
      String log = server.log();
      // Only what alice tries to read in the images' bucket.
      assertThat(violations(log)).allMatch(line -> line.contains("OBJ_NEXROOTFS\"")).hasSize(1);
      checkEachLine(used(log));
      assertThat(
              used(log).keySet().stream()
                  .map(Permission::user)
                  .collect(java.util.stream.Collectors.toSet()))
          .contains("wfront", "wstore", "alice", "node");
    }
  }

  @Test
  void whoMayNotReadImagesIsToldSoAndDoesNotWaitForThem() throws Exception {
    try (NatsServer server =
        NatsServer.configured(NatsServer.program().orElseThrow(), "users.conf")) {
      String url = server.url();
      Program.run(
              "setup", "--no-context", "--server", url, "--user", "admin", "--password", "admin")
          .orThrow();
      Path file = directory.resolve("not-for-alice.ext4");
      Command.Result fetch =
          Program.run(
              "fetch",
              "rootfs:latest",
              "--output",
              file,
              "--timeout",
              "200",
              "--no-context",
              "--server",
              url,
              "--user",
              "alice",
              "--password",
              "alice",
              "--inbox-prefix",
              "_INBOX.alice");
      assertThat(fetch.exit()).as(fetch.toString()).isEqualTo(1);
      assertThat(fetch.output())
          .contains("may not read the bucket NEXROOTFS", "$JS.API.STREAM.INFO.OBJ_NEXROOTFS");
      assertThat(file).doesNotExist();
    }
  }

  @Test
  void whoForgetsTheInboxPrefixOrTheNamespaceIsToldWhichFlagIsMissing() throws Exception {
    Path base = directory.resolve("base-of-alice");
    OciImages.in(base).layer(new Tar().directory("etc/").bytes()).write();
    try (NatsServer server =
        NatsServer.configured(NatsServer.program().orElseThrow(), "users.conf")) {
      String url = server.url();
      Program.run(
              "setup", "--no-context", "--server", url, "--user", "admin", "--password", "admin")
          .orThrow();
      List<Object> request =
          List.of(
              "request",
              "--no-context",
              "--server",
              url,
              "--user",
              "alice",
              "--password",
              "alice",
              "--guest",
              "plain",
              "--image",
              "oci:" + base,
              "--timeout",
              "200");
      String prefix = "--inbox-prefix=_INBOX.alice";
      String inSubject = "--namespace-in-subject";
      assertThat(refused(request, prefix))
          .contains("Publish to \"nex.rootfs.build\"", "--namespace NAME --namespace-in-subject");
      assertThat(refused(request, prefix, "--namespace=bob", inSubject))
          .contains("Publish to \"nex.rootfs.build.bob\"");
      assertThat(refused(request, "--namespace=alice", inSubject))
          .contains("Subscription to \"_INBOX.", "give the --inbox-prefix");
      assertThat(
              refused(
                  List.of("setup", "--no-context", "--server", url, "--user", "alice"),
                  "--password=alice",
                  prefix))
          .contains("this identity may not set up the pool", "Publish to \"$JS.API.");
    }
  }

  private static String refused(List<Object> words, String... more) {
    List<Object> all = new ArrayList<>(words);
    all.addAll(List.of(more));
    Command.Result result = Program.run(all.toArray());
    assertThat(result.exit()).as(result.toString()).isEqualTo(1);
    return result.output();
  }

  private static List<String> violations(String log) {
    return log.lines().filter(line -> line.contains("[ERR]") && line.contains("iolation")).toList();
  }

  /** What the four users do in the life of a pool. */
  private void useEverything(String url) throws Exception {
    OciImages.in(directory.resolve("base"))
        .layer(
            new Tar()
                .directory("etc/")
                .file("sbin/init", "#!")
                .file("sbin/openrc-run", "#!")
                .bytes())
        .write();
    try (Connection alice = connect(url, "alice");
        Connection node = connect(url, "node");
        Connection store = connect(url, "wstore");
        Program worker = worker(url, "first")) {
      Subscription events = alice.subscribe("$NEX.events.alice.*");
      Subscription feed = alice.subscribe("$NEX.FEED.alice.events.*");
      Subscription all = node.subscribe("$NEX.events.*.*");
      Subscription allFeed = node.subscribe("$NEX.FEED.*.events.*");
      Buckets inputs = new Buckets(alice);
      inputs
          .open("NEXINPUTS")
          .putIfAbsent(
              "agent",
              "",
              Map.of(),
              () -> new ByteArrayInputStream(java.util.Arrays.copyOf(Elf.amd64(), LARGE)),
              b -> {});
      // What nats object put asks first.
      getInfoDirectly(alice, "NEXINPUTS", "agent");
      String request =
          "{\"image\":\"oci:"
              + directory.resolve("base")
              + "\",\"agent\":\"nats://NEXINPUTS/agent\",\"size\":%d}";
      String id = NUID.nextGlobal();
      byte[] answer =
          ask(alice, "nex.rootfs.build.alice", String.format(request, 32 << 20), id).getData();
      BuildReply built = Protocol.read(answer, BuildReply.class);
      ask(alice, "nex.rootfs.status.alice", "{\"id\":\"" + id + "\"}", id);
      BuildReply hit =
          Protocol.read(
              ask(
                      alice,
                      "nex.rootfs.build.alice",
                      String.format(request, 32 << 20),
                      NUID.nextGlobal())
                  .getData(),
              BuildReply.class);
      assertThat(hit.cached()).isTrue();
      ByteArrayOutputStream image = new ByteArrayOutputStream();
      node.objectStore("NEXROOTFS").get(built.object(), image);
      getInfoDirectly(node, "NEXROOTFS", built.object());
      assertThat(image.size()).isEqualTo(32 << 20);
      nodeAsksForItsOwn(url);
      assertThat(new Buckets(node).open("NEXROOTFS").find("nothing")).isEmpty();
      for (Subscription heard : List.of(events, feed, all, allFeed)) {
        assertThat(heard.nextMessage(PATIENCE)).isNotNull();
      }
      forgeReplySubject(alice, node, built);
      cancelRunningAndQueued(alice, request);
      for (String verb : List.of("PING", "INFO", "STATS")) {
        assertThat(alice.request("$SRV." + verb, new byte[0], PATIENCE)).isNotNull();
        assertThat(alice.request("$SRV." + verb + ".nex-rootfs", new byte[0], PATIENCE))
            .isNotNull();
      }
      // A worker shares blobs of registries, and leaves nothing of what failed.
      Buckets blobs = new Buckets(store);
      blobs
          .open("NEXBLOBS")
          .putIfAbsent(
              "sha256-x", "", Map.of(), () -> new ByteArrayInputStream(new byte[LARGE]), b -> {});
      ObjectBucket shared = blobs.open("NEXBLOBS");
      shared.read(
          shared.find("sha256-x").orElseThrow(),
          Way.CONSUMER,
          OutputStream.nullOutputStream(),
          PATIENCE);
      blobs.open("NEXBLOBS").delete("sha256-x");
      ScheduledExecutorService renewals = Executors.newSingleThreadScheduledExecutor();
      assertThat(new Leases(store, "NEXROOTFS_LEASES", "test", renewals).isHeld("nothing"))
          .isFalse();
      renewals.shutdownNow();
      assertThatThrownBy(() -> new Buckets(alice).open("NEXROOTFS"))
          .isInstanceOf(StoreException.class);
      assertThat(worker.stop()).isZero();
    }
  }

  /**
   * Asks for an object's info as the clients do where the bucket's stream allows direct gets. jnats
   * itself does so only if the stream of this name did when this process first saw one, on whatever
   * server that was.
   */
  private static void getInfoDirectly(Connection client, String bucket, String object)
      throws Exception {
    String name = Base64.getUrlEncoder().encodeToString(object.getBytes(StandardCharsets.UTF_8));
    Message answer =
        client.request(
            "$JS.API.DIRECT.GET.OBJ_" + bucket + ".$O." + bucket + ".M." + name,
            new byte[0],
            PATIENCE);
    assertThat(answer).as(object).isNotNull();
    assertThat(new String(answer.getData(), StandardCharsets.UTF_8)).contains(object);
  }

  private void nodeAsksForItsOwn(String url) throws Exception {
    Path file = directory.resolve("node.ext4");
    Program.run(
            "preflight",
            "node:v1",
            "--output",
            file,
            "--no-context",
            "--server",
            url,
            "--user",
            "node",
            "--password",
            "node",
            "--inbox-prefix",
            "_INBOX.node",
            "--image",
            "oci:" + directory.resolve("base"),
            "--agent",
            "nats://NEXINPUTS/agent",
            "--size",
            "32MiB",
            "--namespace",
            "node",
            "--namespace-in-subject")
        .orThrow();
    assertThat(Files.size(file)).isEqualTo(32 << 20);
  }

  /** The server does not check a reply subject; an answer to this one would empty the bucket. */
  private static void forgeReplySubject(Connection alice, Connection node, BuildReply built)
      throws Exception {
    for (String forged :
        List.of("$JS.API.STREAM.PURGE.OBJ_NEXROOTFS", "$JS.API.STREAM.DELETE.OBJ_NEXROOTFS")) {
      for (String subject : List.of("build", "status", "cancel")) {
        alice.publish(
            "nex.rootfs." + subject + ".alice", forged, "{}".getBytes(StandardCharsets.UTF_8));
      }
    }
    alice.flush(PATIENCE);
    ask(alice, "nex.rootfs.status.alice", "{\"id\":\"" + built.id() + "\"}", built.id());
    assertThat(new Buckets(node).open("NEXROOTFS").findWhole(built.object())).isPresent();
  }

  private static void cancelRunningAndQueued(Connection alice, String request) throws Exception {
    String running = NUID.nextGlobal();
    String queued = NUID.nextGlobal();
    CompletableFuture<Message> first =
        alice.requestWithTimeout(
            "nex.rootfs.build.alice",
            new Headers().add("Nex-Build-Id", running),
            String.format(request, 900_000_000).getBytes(StandardCharsets.UTF_8),
            PATIENCE);
    awaitState(alice, running, "\"phase\":\"store\"");
    CompletableFuture<Message> second =
        alice.requestWithTimeout(
            "nex.rootfs.build.alice",
            new Headers().add("Nex-Build-Id", queued),
            String.format(request, 33 << 20).getBytes(StandardCharsets.UTF_8),
            PATIENCE);
    awaitState(alice, queued, "\"state\":\"queued\"");
    ask(alice, "nex.rootfs.cancel.alice", "{\"id\":\"" + queued + "\"}", queued);
    ask(alice, "nex.rootfs.cancel.alice", "{\"id\":\"" + running + "\"}", running);
    for (CompletableFuture<Message> answer : List.of(first, second)) {
      assertThat(new String(answer.get(30, TimeUnit.SECONDS).getData(), StandardCharsets.UTF_8))
          .contains("CANCELLED");
    }
  }

  private static void awaitState(Connection alice, String id, String text) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    String question = "{\"id\":\"" + id + "\"}";
    while (!new String(
            ask(alice, "nex.rootfs.status.alice", question, id).getData(), StandardCharsets.UTF_8)
        .contains(text)) {
      assertThat(System.nanoTime()).as(text).isLessThan(deadline);
    }
  }

  /** For each line a subject that was used under it. */
  private static Map<Permission, String> used(String log) throws Exception {
    Map<String, String> users = new HashMap<>();
    Map<Permission, String> used = new LinkedHashMap<>();
    Map<String, Set<String>> published = new TreeMap<>();
    Map<String, Set<String>> subscribed = new TreeMap<>();
    for (String line : log.split("\n", -1)) {
      Matcher connect = CONNECT.matcher(line);
      Matcher pub = PUB.matcher(line);
      Matcher sub = SUB.matcher(line);
      if (connect.find()) {
        users.put(connect.group(1), connect.group(2));
      } else if (pub.find()) {
        published
            .computeIfAbsent(users.getOrDefault(pub.group(1), ""), user -> new HashSet<>())
            .add(pub.group(2));
      } else if (sub.find()) {
        String queue = sub.group(3) == null ? "" : " " + sub.group(3);
        subscribed
            .computeIfAbsent(users.getOrDefault(sub.group(1), ""), user -> new HashSet<>())
            .add(sub.group(2) + queue);
      }
    }
    for (Permission line : table()) {
      Set<String> subjects =
          (line.publish() ? published : subscribed).getOrDefault(line.user(), Set.of());
      subjects.stream()
          .filter(subject -> pattern(line.subject()).matcher(subject).matches())
          .findFirst()
          .ifPresent(subject -> used.put(line, subject));
    }
    return used;
  }

  private static Pattern pattern(String subject) {
    return Pattern.compile(
        subject
            .replace("$", "\\$")
            .replace(".", "\\.")
            .replace("*", "[^. ]+")
            .replace(">", "\\S+"));
  }

  /** Each line once more: used before, and refused by a server that lacks it. */
  private void checkEachLine(Map<Permission, String> used) throws Exception {
    List<Permission> table = table();
    StringBuilder conf = new StringBuilder("authorization { users: [\n");
    for (int i = 0; i < table.size(); i++) {
      Permission without = table.get(i);
      conf.append("{ user: u").append(i).append(", password: u, permissions: {");
      for (boolean publish : new boolean[] {true, false}) {
        conf.append(publish ? " publish: { allow: [" : ", subscribe: { allow: [");
        conf.append("\"nothing\"");
        table.stream()
            .filter(line -> line.user().equals(without.user()) && line.publish() == publish)
            .filter(line -> !line.equals(without))
            .forEach(line -> conf.append(",\"").append(line.subject()).append('"'));
        conf.append("] }");
      }
      conf.append(" } }\n");
    }
    Path file = directory.resolve("without.conf");
    Files.writeString(file, conf.append("] }\n"));
    List<String> unused = new ArrayList<>();
    List<String> needless = new ArrayList<>();
    try (NatsServer server =
        NatsServer.start(NatsServer.program().orElseThrow(), "-c", file.toString())) {
      for (int i = 0; i < table.size(); i++) {
        Permission line = table.get(i);
        String subject = used.get(line);
        if (subject == null) {
          unused.add(line.toString());
        } else if (!isRefused(server.url(), "u" + i, line.publish(), subject)) {
          needless.add(line.toString());
        }
      }
    }
    // Answers to another account: AccountsConfIT.
    unused.removeIf(line -> line.contains("_R_."));
    assertThat(unused).as("lines that nothing used").isEmpty();
    assertThat(needless).as("lines that can be left out").isEmpty();
  }

  private static boolean isRefused(String url, String user, boolean publish, String subject)
      throws Exception {
    CompletableFuture<String> violation = new CompletableFuture<>();
    Options options =
        new Options.Builder()
            .server(url)
            .userInfo(user, "u")
            .errorListener(
                new ErrorListener() {
                  @Override
                  public void errorOccurred(Connection connection, String error) {
                    violation.complete(error);
                  }
                })
            .build();
    try (Connection connection = Nats.connect(options)) {
      String[] words = subject.split(" ", -1);
      if (publish) {
        connection.publish(subject, new byte[0]);
      } else if (words.length > 1) {
        connection.subscribe(words[0], words[1]);
      } else {
        connection.subscribe(subject);
      }
      connection.flush(PATIENCE);
      return violation
          .completeOnTimeout("", 500, TimeUnit.MILLISECONDS)
          .get()
          .contains("Permissions Violation");
    }
  }
}
