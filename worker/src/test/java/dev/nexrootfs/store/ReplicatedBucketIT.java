package dev.nexrootfs.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.NatsCluster;
import dev.nexrootfs.oracle.NatsServer;
import io.nats.client.Connection;
import java.io.ByteArrayInputStream;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** A bucket of three replicas, of which two may not have heard yet of what the client just did. */
@SuppressWarnings("try") // A connection's close() can be interrupted.
class ReplicatedBucketIT {
  @Test
  void whatWasStoredJustNowIsDeletedAndStoredAgain() throws Exception {
    String program = NatsServer.program().orElse("");
    Assumptions.assumeFalse(program.isEmpty(), "needs a nats-server of this machine");
    byte[] content = new byte[100 << 20];
    try (NatsCluster cluster = NatsCluster.start(program);
        Connection connection = NatsServer.connect(cluster.urls())) {
      new Buckets(connection).create("REPLICATED", "", -1, 3);
      ObjectBucket bucket = new Buckets(connection).open("REPLICATED");
      // Much, so that the replicas have something to catch up with.
      for (int round = 0; round < 5; round++) {
        content[0] = (byte) round;
        StoredObject stored =
            bucket.putIfAbsent(
                "object", "", Map.of(), () -> new ByteArrayInputStream(content), done -> {});
        assertThat(stored.size()).isEqualTo(content.length);
        assertThat(new MetaSubject(connection, "REPLICATED", "object").isThere()).isTrue();
        bucket.delete("object");
        assertThat(new MetaSubject(connection, "REPLICATED", "object").isThere())
            .as("round %s", round)
            .isFalse();
        bucket.delete("object");
      }
    }
  }
}
