package dev.nexrootfs.bench;

import dev.nexrootfs.oracle.DelayingProxy;
import dev.nexrootfs.oracle.NatsCluster;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.ObjectBucket;
import io.nats.client.Connection;
import io.nats.client.NUID;
import io.nats.client.api.ObjectMeta;
import java.io.ByteArrayInputStream;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * Uploads of 150 MB, ours against the client's own {@code put}, in one run: without delay, with
 * round trips of 6 and 21 ms, and to three replicas. Rounds take turns; medians are compared.
 */
@SuppressWarnings("try") // A connection's close() can be interrupted.
public final class UploadBench {
  private static final int BYTES = 150_000_000;
  private static final int ROUNDS = 3;

  private UploadBench() {}

  /** Prints a line for each way. */
  public static void main(String[] arguments) throws Exception {
    byte[] image = new byte[BYTES];
    new Random(1).nextBytes(image);
    String program = NatsServer.program().orElseThrow();
    try (NatsServer server = NatsServer.start(program, "-js")) {
      compare("loopback (goal: never slower)", server.url(), 1, image);
      for (int oneWay : new int[] {3, 10}) {
        try (DelayingProxy proxy = new DelayingProxy(server.url(), oneWay)) {
          compare("a round trip of " + 2 * oneWay + " ms (goal 3)", proxy.url(), 1, image);
        }
      }
    }
    try (NatsCluster cluster = NatsCluster.start(program)) {
      compare("three replicas on this machine (goal: never slower)", cluster.urls(), 3, image);
    }
  }

  private static void compare(String way, String url, int replicas, byte[] image) throws Exception {
    try (Connection connection = NatsServer.connect(url)) {
      String name = "B" + NUID.nextGlobal();
      new Buckets(connection).create(name, "", -1, replicas);
      ObjectBucket bucket = new Buckets(connection).open(name);
      long[] ours = new long[ROUNDS];
      long[] theirs = new long[ROUNDS];
      for (int round = 0; round < ROUNDS; round++) {
        long start = System.nanoTime();
        var stored =
            bucket.putIfAbsent(
                "ours" + round, "", Map.of(), () -> new ByteArrayInputStream(image), done -> {});
        ours[round] = System.nanoTime() - start;
        bucket.delete(stored.name());
        start = System.nanoTime();
        var put =
            connection
                .objectStore(name)
                .put(ObjectMeta.objectName("theirs" + round), new ByteArrayInputStream(image));
        theirs[round] = System.nanoTime() - start;
        bucket.delete(put.getObjectName());
      }
      Arrays.sort(ours);
      Arrays.sort(theirs);
      double us = ours[ROUNDS / 2] / (double) TimeUnit.SECONDS.toNanos(1);
      double they = theirs[ROUNDS / 2] / (double) TimeUnit.SECONDS.toNanos(1);
      System.out.printf(
          "upload of 150 MB, %s: ours %.2f s, jnats put %.2f s, %.1f times as fast%n",
          way, us, they, they / us);
      connection.jetStreamManagement().deleteStream("OBJ_" + name);
    }
  }
}
