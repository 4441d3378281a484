package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.HttpAnswer;
import dev.nexrootfs.oracle.NatsServer;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a worker says over HTTP. */
class MonitorIT {
  @Test
  void workerIsReadyWhileItIsConnectedAndCountsWhatItDoes(@TempDir Path directory)
      throws Exception {
    try (NatsServer server = NatsServer.start()) {
      TestPool pool = new TestPool(server.url(), directory);
      TestPool.Worker worker = pool.worker("w", 3);
      int port =
          worker.service.monitor(
              new InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), 0));
      assertThat(HttpAnswer.of(port, "/healthz").status()).isEqualTo(200);
      awaitReady(port, 200);
      pool.admin.request(pool.subjects.build(), new byte[0], Duration.ofSeconds(10));
      HttpAnswer metrics = HttpAnswer.of(port, "/metrics");
      assertThat(metrics.contentType()).startsWith("text/plain; version=0.0.4");
      assertThat(metrics.body())
          .contains("\nnex_rootfs_capacity 3\n")
          .contains("\nnex_rootfs_requests_total 1\n")
          .contains("\nnex_rootfs_refused_total 1\n")
          .contains("\nnex_rootfs_cache_limit_bytes 4294967296\n")
          .contains("\nnex_rootfs_cache_bytes 0\n");
      assertThat(metrics.body().lines())
          .allMatch(
              line ->
                  line.matches("# (HELP|TYPE) [a-z_]+ .*|[a-z_]+(\\{[a-z]+=\"\\w+\"})? [0-9.]+"));
      worker.store.close();
      assertThat(HttpAnswer.of(port, "/readyz").status()).isEqualTo(503);
      assertThat(HttpAnswer.of(port, "/readyz").body()).contains("JetStream");
      worker.front.close();
      assertThat(HttpAnswer.of(port, "/healthz").status()).isEqualTo(200);
      pool.close();
    }
  }

  @Test
  void workerWithoutItsStreamIsNotReady(@TempDir Path directory) throws Exception {
    try (NatsServer server = NatsServer.start()) {
      TestPool pool = new TestPool(server.url(), directory);
      int port =
          pool.worker("w", 1)
              .service
              .monitor(new InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), 0));
      assertThat(pool.admin.jetStreamManagement().deleteStream(pool.stream)).isTrue();
      awaitReady(port, 503);
      assertThat(HttpAnswer.of(port, "/readyz").body())
          .contains("the stream " + pool.stream + " cannot be used: stream not found");
      new PoolSetup(pool.admin, OptionalInt.empty(), false)
          .jobs(pool.stream, pool.subjects.jobs(), OptionalLong.empty());
      awaitReady(port, 200);
      pool.close();
    }
  }

  private static void awaitReady(int port, int status) throws Exception {
    long deadline = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (HttpAnswer.of(port, "/readyz").status() != status) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.sleep(50);
    }
  }
}
