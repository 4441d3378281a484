package dev.nexrootfs.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oracle.CuttingProxy;
import dev.nexrootfs.oracle.NatsServer;
import io.nats.client.Connection;
import io.nats.client.NUID;
import io.nats.client.api.ObjectInfo;
import io.nats.client.api.StreamInfoOptions;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Objects in a real server's bucket, also read by the NATS client's own reader. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ObjectBucketIT {
  private NatsServer server;
  private Connection connection;
  private Buckets buckets;
  private String name = "unset";

  ObjectBucketIT() throws Exception {
    server = NatsServer.start();
    connection = NatsServer.connect(server.url());
    buckets = new Buckets(connection);
  }

  @BeforeAll
  void serverHasJetStream() {
    assertThat(connection.getServerInfo().isJetStreamAvailable()).isTrue();
  }

  @BeforeEach
  void makeBucket() throws IOException {
    name = "B" + NUID.nextGlobal();
    assertThat(buckets.create(name, "test", -1, 1)).isTrue();
    assertThat(buckets.create(name, "test", -1, 1)).isFalse();
  }

  @AfterAll
  void stop() throws Exception {
    connection.close();
    server.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 20 << 20})
  void objectIsReadByTheClientsOwnReaderAsItWasWritten(int size) throws Exception {
    byte[] bytes = random(size);
    StoredObject stored = put("object", bytes);
    ByteArrayOutputStream read = new ByteArrayOutputStream();
    ObjectInfo info = connection.objectStore(name).get("object", read);
    assertThat(read.toByteArray()).isEqualTo(bytes);
    assertThat(stored.digest()).isEqualTo(Digest.sha256(bytes));
    assertThat(info.getSize()).isEqualTo(size);
    assertThat(info.getObjectMeta().getMetadata()).containsEntry("key", "value");
    assertThat(open().find("object")).contains(stored);
  }

  @Test
  void objectThatIsThereIsNotWrittenAgain() throws Exception {
    put("object", random(1000));
    long messages = messages();
    StoredObject second = put("object", random(2000));
    assertThat(second.size()).isEqualTo(1000);
    assertThat(messages()).isEqualTo(messages);
  }

  @Test
  void writersOfOneNameAtOnceLeaveOneObjectAndNoStrayChunks() throws Exception {
    byte[] bytes = random(3 << 20);
    ExecutorService writers = Executors.newFixedThreadPool(4);
    List<Future<StoredObject>> results = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      results.add(writers.submit(() -> put("object", bytes)));
    }
    for (Future<StoredObject> result : results) {
      assertThat(result.get().digest()).isEqualTo(Digest.sha256(bytes));
    }
    writers.shutdown();
    assertThat(messages()).isEqualTo(1 + 12);
  }

  @Test
  void sourceThatFailsLeavesNothing() throws Exception {
    byte[] bytes = random(5 << 20);
    ObjectSource failing =
        () ->
            new InputStream() {
              private int at;

              @Override
              public int read() throws IOException {
                throw new IOException("not in single bytes");
              }

              @Override
              public int read(byte[] target, int offset, int length) throws IOException {
                if (at > 3 << 20) {
                  throw new IOException("the disk is gone");
                }
                int count = Math.min(length, bytes.length - at);
                System.arraycopy(bytes, at, target, offset, count);
                at += count;
                return count;
              }
            };
    assertThatThrownBy(() -> open().putIfAbsent("object", "", Map.of(), failing, done -> {}))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("the disk is gone");
    assertThat(open().find("object")).isEmpty();
    assertThat(messages()).isZero();
  }

  @Test
  void fullBucketIsAnErrorOfItsOwnAndLeavesNothing() throws Exception {
    String small = "B" + NUID.nextGlobal();
    buckets.create(small, "test", 1 << 20, 1);
    AtomicInteger opened = new AtomicInteger();
    byte[] bytes = random(2 << 20);
    ObjectSource source =
        () -> {
          opened.incrementAndGet();
          return new ByteArrayInputStream(bytes);
        };
    assertThatThrownBy(
            () -> buckets.open(small).putIfAbsent("object", "", Map.of(), source, done -> {}))
        .isInstanceOfSatisfying(
            StoreException.class,
            e -> assertThat(e.reason()).isEqualTo(StoreException.Reason.BUCKET_FULL));
    assertThat(opened).hasValue(1);
    assertThat(
            connection
                .jetStreamManagement()
                .getStreamInfo("OBJ_" + small)
                .getStreamState()
                .getMsgCount())
        .isZero();
  }

  @Test
  void linkIsFollowedByReadersAndCanBeMoved() throws Exception {
    put("one", random(100));
    put("two", random(200));
    open().link("alpine_latest", "one");
    assertThat(get("alpine_latest")).hasSize(100);
    open().link("alpine_latest", "two");
    assertThat(get("alpine_latest")).hasSize(200);
  }

  @Test
  void missingBucketAndMissingObjectAreNamed() throws Exception {
    failsWith(StoreException.Reason.NO_BUCKET, () -> buckets.open("NONE"));
    failsWith(StoreException.Reason.NO_BUCKET, () -> buckets.open("no bucket's name"));
    assertThat(open().resolve("none")).isEmpty();
    assertThat(open().locate("none")).isEmpty();
    failsWith(StoreException.Reason.NO_OBJECT, () -> open().link("link", "none"));
  }

  @Test
  void leaderIsAskedForEachChunkOfWhatWasStoredAtOnceWithOthers() throws Exception {
    List<byte[]> contents = List.of(random(5 << 20), random(9 << 20), random(7 << 20));
    ExecutorService writers = Executors.newFixedThreadPool(contents.size());
    List<Future<StoredObject>> results = new ArrayList<>();
    for (byte[] content : contents) {
      results.add(writers.submit(() -> put("object" + content.length, content)));
    }
    for (Future<StoredObject> result : results) {
      assertThat(result.get().name()).startsWith("object");
    }
    writers.shutdown();
    open().delete("object" + contents.get(1).length);
    for (byte[] content : List.of(contents.get(0), contents.get(2))) {
      StoredObject stored = open().find("object" + content.length).orElseThrow();
      ByteArrayOutputStream read = new ByteArrayOutputStream();
      open().read(stored, ObjectDownload.Way.LEADER, read, Duration.ofSeconds(10));
      assertThat(read.toByteArray()).isEqualTo(content);
    }
  }

  @Test
  void objectWithAMissingChunkIsNeverReadAsWhole() throws Exception {
    put("object", random(2 << 20));
    connection.jetStreamManagement().deleteMessage("OBJ_" + name, 3);
    failsWith(StoreException.Reason.CORRUPT, () -> get("object"));
  }

  @Test
  void objectWithAMissingChunkIsStoredAgain() throws Exception {
    put("object", random(2 << 20));
    connection.jetStreamManagement().deleteMessage("OBJ_" + name, 3);
    assertThat(open().findWhole("object")).isEmpty();
    byte[] bytes = random(1 << 20);
    put("object", bytes);
    assertThat(get("object")).isEqualTo(bytes);
  }

  @Test
  void answerThatIsLostAfterTheObjectWasMadeVisibleLeavesTheObjectWhole() throws Exception {
    byte[] bytes = random(3 << 20);
    try (CuttingProxy proxy = new CuttingProxy(server.url(), "$O." + name + ".M.")) {
      Connection shaky = NatsServer.connect(proxy.url());
      StoredObject stored =
          new Buckets(shaky)
              .open(name)
              .putIfAbsent(
                  "object", "", Map.of(), () -> new ByteArrayInputStream(bytes), done -> {});
      assertThat(proxy.hasCut()).isTrue();
      assertThat(stored.digest()).isEqualTo(Digest.sha256(bytes));
      shaky.close();
    }
    assertThat(get("object")).isEqualTo(bytes);
    assertThat(messages()).isEqualTo(1 + 12);
  }

  @Test
  void linkIsNoObject() throws Exception {
    put("one", random(100));
    open().link("link", "one");
    assertThat(open().find("link")).isEmpty();
    assertThat(open().isFreeForLink("link")).isTrue();
    assertThat(open().isFreeForLink("one")).isFalse();
    assertThat(open().isFreeForLink("none")).isTrue();
  }

  @Test
  void serverWithoutJetStreamIsNamed() throws Exception {
    String program = NatsServer.program().orElse("");
    org.junit.jupiter.api.Assumptions.assumeTrue(
        !program.isEmpty(), "needs a nats-server program to start without JetStream");
    try (NatsServer plain = NatsServer.start(program)) {
      Connection without = NatsServer.connect(plain.url());
      failsWith(StoreException.Reason.NO_JETSTREAM, () -> new Buckets(without).open("B"));
      without.close();
    }
  }

  /** Something that fails. */
  private interface Call {
    void run() throws Exception;
  }

  private static void failsWith(StoreException.Reason reason, Call call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            StoreException.class, e -> assertThat(e.reason()).as(e.getMessage()).isEqualTo(reason));
  }

  private ObjectBucket open() throws StoreException {
    return buckets.open(name);
  }

  private StoredObject put(String object, byte[] bytes) throws IOException {
    return open()
        .putIfAbsent(
            object,
            "a test",
            Map.of("key", "value"),
            () -> new ByteArrayInputStream(bytes),
            done -> {});
  }

  private byte[] get(String object) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ObjectBucket bucket = open();
    bucket.read(
        bucket.resolve(object).orElseThrow(),
        ObjectDownload.Way.CONSUMER,
        out,
        Duration.ofSeconds(10));
    return out.toByteArray();
  }

  private long messages() throws Exception {
    return connection
        .jetStreamManagement()
        .getStreamInfo("OBJ_" + name, StreamInfoOptions.allSubjects())
        .getStreamState()
        .getMsgCount();
  }

  private static byte[] random(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }
}
