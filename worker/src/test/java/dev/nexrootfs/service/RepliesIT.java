package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.build.CacheUse;
import dev.nexrootfs.oracle.DelayingProxy;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.Subjects;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Subscription;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Answers on a connection that has a way to go. */
class RepliesIT {
  private static final long ONE_WAY_MILLIS = 10;

  @TempDir Path directory;

  /** A client that waits for more than two PONGs takes its server for dead, and hangs up. */
  @Test
  void hundredAnswersAtOnceLeaveTheConnectionUp() throws Exception {
    try (NatsServer server = NatsServer.start();
        DelayingProxy proxy = new DelayingProxy(server.url(), ONE_WAY_MILLIS)) {
      TestPool pool = new TestPool(proxy.url(), directory);
      TestPool.Worker worker = pool.worker("w", 1);
      byte[] wrong = "{\"wrong\":1}".getBytes(StandardCharsets.UTF_8);
      List<CompletableFuture<Message>> answers = new ArrayList<>();
      for (int i = 0; i < 100; i++) {
        answers.add(
            pool.admin.requestWithTimeout(pool.subjects.build(), wrong, Duration.ofSeconds(20)));
      }
      for (CompletableFuture<Message> answer : answers) {
        assertThat(
                answer.get(20, TimeUnit.SECONDS).getHeaders().getFirst(Subjects.ERROR_CODE_HEADER))
            .isEqualTo("400");
      }
      assertThat(worker.front.getStatistics().getReconnects()).isZero();
      pool.close();
    }
  }

  /** The client gives up what it waits for when it closes: that is no word from a server. */
  @Test
  @SuppressWarnings("try") // A connection's close() can be interrupted.
  void whoWasAnsweredIsNotTakenForGoneWhenTheWorkerStops() throws Exception {
    Figures figures = new Figures(1, "none", () -> new CacheUse(0, 0, 0, 0, 0));
    ServiceSettings settings =
        new ServiceSettings(
            new Subjects("nex.rootfs"),
            "B",
            "w",
            "1.0.0",
            1,
            Duration.ofMinutes(2),
            Duration.ofSeconds(1),
            ServiceSettings.USUAL_INBOXES,
            new PoolSettings("w", "S", "R", "L", 1, 1));
    RequestException failure = new RequestException(ErrorCode.CANCELLED, "cancelled");
    try (NatsServer server = NatsServer.start();
        Connection requester = NatsServer.connect(server.url());
        Connection front = NatsServer.connect(server.url())) {
      Replies replies = new Replies(front, settings, figures);
      assertThat(replies.failure("gone", requester.createInbox(), false, failure)).isTrue();
      long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
      while (figures.snapshot().unheard() == 0) {
        assertThat(System.nanoTime()).isLessThan(deadline);
        Thread.onSpinWait();
      }
      String inbox = requester.createInbox();
      Subscription answers = requester.subscribe(inbox);
      requester.flush(Duration.ofSeconds(10));
      for (int i = 0; i < 100; i++) {
        assertThat(replies.failure("heard", inbox, false, failure)).isTrue();
        assertThat(answers.nextMessage(Duration.ofSeconds(10))).isNotNull();
      }
      replies.close();
      front.close();
      assertThat(figures.snapshot().unheard()).isEqualTo(1);
    }
  }
}
