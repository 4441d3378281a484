package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Subscription;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Clients and workers whose connections come back at different times. */
@SuppressWarnings("try") // A connection's close() can be interrupted.
class RequestIT {
  private static final String PROGRAM = NatsServer.program().orElseThrow();
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  /** After a silence a request is sent again; the worker may be back a moment later only. */
  @Test
  void thatNobodyServesNowDoesNotEndARequestThatWasHeardBefore() throws Exception {
    try (NatsServer server = NatsServer.start(PROGRAM, "-js", "-V");
        Connection worker = NatsServer.connect(server.url())) {
      Subscription first = worker.subscribe("nex.rootfs.build");
      worker.flush(PATIENCE);
      CompletableFuture<Command.Result> requester =
          CompletableFuture.supplyAsync(
              () ->
                  Program.run(
                      "request",
                      "--no-context",
                      "--server",
                      server.url(),
                      "--guest",
                      "plain",
                      "--image",
                      "example.com/none"));
      Message heard = first.nextMessage(PATIENCE);
      assertThat(heard).isNotNull();
      first.unsubscribe();
      worker.flush(PATIENCE);
      // Who subscribed to see it would be a responder: only the server can tell.
      awaitAskedTwice(server);
      Subscription second = worker.subscribe("nex.rootfs.build");
      worker.flush(PATIENCE);
      Message again = second.nextMessage(PATIENCE);
      assertThat(again.getData()).isEqualTo(heard.getData());
      worker.publish(
          again.getReplyTo(),
          new io.nats.client.impl.Headers().add("Nats-Service-Error-Code", "400"),
          "{\"error\":{\"code\":\"CANCELLED\",\"message\":\"by the test\"},\"id\":\"x\"}"
              .getBytes(StandardCharsets.UTF_8));
      assertThat(requester.get(PATIENCE.toSeconds(), TimeUnit.SECONDS).output())
          .contains("CANCELLED: by the test");
    }
  }

  @Test
  void lostConnectionIsToldOnceHoweverOftenItIsTried(@TempDir Path directory) throws Exception {
    NatsServer server = NatsServer.start(PROGRAM, "-js");
    try (Program worker =
        Program.worker(server.url(), directory, List.of("-Dnex-rootfs.log=DEBUG"), Map.of())) {
      server.close();
      long deadline = System.nanoTime() + PATIENCE.toNanos();
      while (count(worker.log(), "Connection refused") < 20) {
        assertThat(System.nanoTime()).as(worker.log()).isLessThan(deadline);
        Thread.sleep(100);
      }
      assertThat(count(worker.log(), "the connection is lost"))
          .as("once for each of two connections")
          .isEqualTo(2);
    }
  }

  private static void awaitAskedTwice(NatsServer server) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (count(server.log(), "<<- [HPUB nex.rootfs.build ") < 2) {
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.sleep(100);
    }
  }

  private static long count(String log, String part) {
    return log.lines().filter(line -> line.contains(part)).count();
  }
}
