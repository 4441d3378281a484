package dev.nexrootfs.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.NatsCluster;
import dev.nexrootfs.oracle.NatsServer;
import io.nats.client.Connection;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** A bucket of three replicas, of which two may not have heard yet of what the client just did. */
@SuppressWarnings("try") // A connection's close() can be interrupted.
class ReplicatedBucketIT {
  @Test
  void whatWasStoredJustNowIsDeletedAndStoredAgain() throws Exception {
    byte[] content = new byte[100 << 20];
    try (NatsCluster cluster = NatsCluster.start(program());
        Connection connection = NatsServer.connect(cluster.urls())) {
      new Buckets(connection).create("REPLICATED", "", -1, 3);
      ObjectBucket bucket = new Buckets(connection).open("REPLICATED");
      // Much, so that the replicas have something to catch up with.
      for (int round = 0; round < 5; round++) {
        content[0] = (byte) round;
        StoredObject stored = put(bucket, "object", content);
        assertThat(stored.size()).isEqualTo(content.length);
        assertThat(bucket.find("object")).contains(stored);
        bucket.delete("object");
        assertThat(bucket.find("object")).as("round %s", round).isEmpty();
        bucket.delete("object");
      }
    }
  }

  @Test
  void objectIsReadWholeThoughTheOtherReplicasHaveLostChunksOfIt() throws Exception {
    byte[] content = new byte[40 << 20];
    new Random(1).nextBytes(content);
    try (NatsCluster cluster = NatsCluster.start(program());
        Connection connection = NatsServer.connect(cluster.urls())) {
      new Buckets(connection).create("REPLICATED", "", -1, 3);
      ObjectBucket bucket = new Buckets(connection).open("REPLICATED");
      StoredObject stored = put(bucket, "object", content);
      cluster.loseBlockOfFollowers("OBJ_REPLICATED", 3);
      List<Integer> attempts = new ArrayList<>();
      for (int reading = 0; reading < 12; reading++) {
        ObjectDownload download = bucket.download(stored, ObjectDownload.Way.CONSUMER);
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        download.writeTo(read, () -> deadline, bytes -> {});
        assertThat(read.toByteArray()).isEqualTo(content);
        attempts.add(download.attempts());
      }
      assertThat(attempts).as("attempts, of which some met a follower").anyMatch(n -> n > 1);
      assertThat(bucket.findWhole("object")).contains(stored);
    }
  }

  @Test
  void whatIsStoredWhileAReplicaHangsIsReadAsSoonAsItIsBack() throws Exception {
    byte[] content = new byte[20 << 20];
    try (NatsCluster cluster = NatsCluster.start(program());
        Connection administrator = NatsServer.connect(cluster.urls())) {
      new Buckets(administrator).create("REPLICATED", "", -1, 3);
      try (Connection connection = NatsServer.connect(cluster.leaderUrl("OBJ_REPLICATED"))) {
        ObjectBucket bucket = new Buckets(connection).open("REPLICATED");
        for (int round = 0; round < 4; round++) {
          StoredObject stored;
          try (AutoCloseable halted = cluster.haltFollower("OBJ_REPLICATED")) {
            stored = put(bucket, "object" + round, content);
            bucket.link("link", stored.name());
            assertThat(bucket.findWhole(stored.name())).contains(stored);
            assertThat(bucket.resolve("link")).contains(stored);
          }
          bucket.read(
              stored,
              ObjectDownload.Way.CONSUMER,
              OutputStream.nullOutputStream(),
              Duration.ofSeconds(30));
        }
      }
    }
  }

  private static String program() {
    String program = NatsServer.program().orElse("");
    Assumptions.assumeFalse(program.isEmpty(), "needs a nats-server of this machine");
    return program;
  }

  private static StoredObject put(ObjectBucket bucket, String object, byte[] content)
      throws IOException {
    return bucket.putIfAbsent(
        object, "", Map.of(), () -> new ByteArrayInputStream(content), done -> {});
  }
}
