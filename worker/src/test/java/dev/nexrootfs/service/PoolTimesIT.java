package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.protocol.Subjects;
import io.nats.client.Dispatcher;
import io.nats.client.Subscription;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Several workers on one queue: how long requesters wait for one another. */
@Tag("alone")
class PoolTimesIT extends PoolCase {
  PoolTimesIT(@TempDir Path directory) throws Exception {
    super(directory);
  }

  @Test
  void fiftyEqualRequestsAreOneBuildAndAreAnsweredWithinATenthOfASecond() throws Exception {
    for (int i = 0; i < 4; i++) {
      pool.worker("w" + i, 2);
    }
    // The first fifty warm the workers up.
    equalRequests(50);
    long spread = equalRequests(50);
    System.out.println("PoolTimesIT: 50 answers within " + spread + " ms");
    assertThat(spread).isLessThan(100);
    assertThat(figure("built")).isEqualTo(2);
    assertThat(figure("joined")).isEqualTo(2 * 49);
    while (pool.messages(pool.stream) > 0) {
      Thread.onSpinWait();
    }
  }

  /** Asks so often for the same; the milliseconds between the first answer and the last. */
  private long equalRequests(int count) throws Exception {
    Gate gate = new Gate();
    String request = request(gate.image, "");
    String inbox = client.createInbox();
    Map<String, Long> arrivals = new ConcurrentHashMap<>();
    Set<String> digests = ConcurrentHashMap.newKeySet();
    Set<String> ids = ConcurrentHashMap.newKeySet();
    AtomicInteger answers = new AtomicInteger();
    Dispatcher dispatcher =
        client.createDispatcher(
            message -> {
              arrivals.put(message.getSubject(), System.nanoTime());
              digests.add(message.getHeaders().getFirst(Subjects.DIGEST_HEADER));
              ids.add(message.getHeaders().getFirst(Subjects.BUILD_ID_HEADER));
              answers.incrementAndGet();
            });
    dispatcher.subscribe(inbox + ".*");
    for (int i = 0; i < count; i++) {
      client.publish(pool.subjects.build(), inbox + "." + i, bytes(request));
    }
    while (figure("waiting") < count - 1) {
      Thread.onSpinWait();
    }
    gate.open();
    while (answers.get() < count) {
      assertThat(figure("failed")).isZero();
    }
    client.closeDispatcher(dispatcher);
    assertThat(arrivals).hasSize(count);
    assertThat(answers.get()).isEqualTo(count);
    assertThat(digests).hasSize(1);
    assertThat(ids).hasSize(count);
    long first = arrivals.values().stream().mapToLong(time -> time).min().orElseThrow();
    long last = arrivals.values().stream().mapToLong(time -> time).max().orElseThrow();
    return TimeUnit.NANOSECONDS.toMillis(last - first);
  }

  @Test
  void fastBuildsDoNotWaitForSlowOnesWhileASlotIsFree() throws Exception {
    List<Gate> gates = new ArrayList<>();
    List<Subscription> slow = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      pool.worker("w" + i, 3);
    }
    for (int i = 0; i < 8; i++) {
      Gate gate = new Gate();
      gates.add(gate);
      slow.add(build(request(gate.image, "")));
    }
    while (figure("running") < 8) {
      Thread.onSpinWait();
    }
    List<Subscription> fast = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      fast.add(build(request(base, "")));
    }
    for (Subscription one : fast) {
      reply(one);
    }
    for (Gate gate : gates) {
      gate.open();
    }
    for (Subscription one : slow) {
      reply(one);
    }
  }
}
