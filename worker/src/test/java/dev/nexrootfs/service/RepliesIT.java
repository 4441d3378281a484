package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.DelayingProxy;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.protocol.Subjects;
import io.nats.client.Message;
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
}
