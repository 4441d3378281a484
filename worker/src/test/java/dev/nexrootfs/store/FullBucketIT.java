package dev.nexrootfs.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Buckets in which not even a tombstone has room: what is deleted has to make the room. With a
 * current server: 2.9.10 drops a stream's first message where only a message's payload fits, not
 * its record, and counts what a purge has removed until it is restarted.
 */
@SuppressWarnings("try") // A connection's close() can be interrupted.
class FullBucketIT {
  private static final String SERVER = "nats-server-current";
  private static final int SIZE = 3 << 20;
  private static final BucketSweep.Policy EVERYTHING =
      new BucketSweep.Policy(0, Optional.empty(), Duration.ZERO, false);

  @TempDir Path directory;

  @BeforeAll
  static void serverIsThere() {
    Command.require(SERVER);
  }

  @Test
  void objectOfABucketThatIsFullToTheLastByteIsDeletedAndMakesRoom() throws Exception {
    try (NatsServer server = NatsServer.start(SERVER, "-js");
        Connection connection = NatsServer.connect(server.url())) {
      assertThat(new Buckets(connection).create("FULL", "", 8 << 20, 1)).isTrue();
      deleteMakesRoom(connection);
    }
  }

  @Test
  void objectOfAServerThatIsFullToTheLastByteIsDeletedAndMakesRoom() throws Exception {
    Path config =
        Files.writeString(directory.resolve("nats.conf"), "jetstream { max_file_store: 8MB }\n");
    try (NatsServer server = NatsServer.start(SERVER, "-c", config.toString());
        Connection connection = NatsServer.connect(server.url())) {
      assertThat(new Buckets(connection).create("FULL", "", -1, 1)).isTrue();
      deleteMakesRoom(connection);
    }
  }

  private static void deleteMakesRoom(Connection connection) throws Exception {
    ObjectBucket bucket = new Buckets(connection).open("FULL");
    put(bucket, "object", SIZE);
    fill(connection);
    assertThatThrownBy(() -> put(bucket, "another", 0))
        .as("an object without chunks, of which only the meta message has to be stored")
        .isInstanceOfSatisfying(
            StoreException.class,
            e -> assertThat(e.reason()).isEqualTo(StoreException.Reason.BUCKET_FULL));
    assertThatThrownBy(() -> bucket.link("link", "object"))
        .isInstanceOfSatisfying(
            StoreException.class,
            e -> assertThat(e.reason()).isEqualTo(StoreException.Reason.BUCKET_FULL));
    assertThatThrownBy(() -> connection.objectStore("FULL").delete("object"))
        .as("the client's own delete, which has to store a tombstone first")
        .isInstanceOf(JetStreamApiException.class);
    bucket.delete("object");
    assertThat(bucket.find("object")).isEmpty();
    assertThat(connection.objectStore("FULL").getInfo("object", true).isDeleted())
        .as("a tombstone, once there is room")
        .isTrue();
    assertThat(new BucketSweep(connection, "FULL").find(EVERYTHING, object -> false).candidates())
        .extracting(BucketSweep.Candidate::nuid)
        .as("what is left is the filling")
        .containsExactly("filling");
    put(bucket, "object", SIZE / 2);
  }

  private static void put(ObjectBucket bucket, String object, int size) throws IOException {
    byte[] content = new byte[size];
    StoredObject stored =
        bucket.putIfAbsent(
            object, "", Map.of(), () -> new ByteArrayInputStream(content), done -> {});
    assertThat(stored.size()).isEqualTo(size);
  }

  /** Takes all room that there is, with ever smaller messages. */
  private static void fill(Connection connection) throws Exception {
    int stored = 0;
    for (int size = 256 << 10; size > 0; size /= 2) {
      boolean fits = true;
      while (fits) {
        try {
          connection.jetStream().publish("$O.FULL.C.filling", new byte[size]);
          stored++;
        } catch (JetStreamApiException e) {
          assertThat(StorageLimit.isReached(e)).as(e.toString()).isTrue();
          fits = false;
        }
      }
    }
    assertThat(stored).isPositive();
  }
}
