package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.Protocol;
import io.nats.client.Message;
import io.nats.client.api.CompressionOption;
import io.nats.client.api.StreamConfiguration;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server whose JetStream has no room left, not for an image and not for a record. */
class FullServerIT {
  /** What the records may take is set aside when their stream is made. */
  private static final long LIMIT = (1L << 30) + (40 << 20);

  private static final long SIZE = 300 << 20;

  @TempDir Path directory;

  private Message ask(TestPool pool, int which) throws Exception {
    String json =
        String.format(
            "{\"image\":\"oci:%s\",\"guest\":\"plain\",\"size\":%d}",
            directory.resolve("base"), SIZE + which * 4096L);
    Message answer =
        pool.admin.request(
            pool.subjects.build(), json.getBytes(StandardCharsets.UTF_8), Duration.ofSeconds(30));
    assertThat(answer).as("the answer to request %s", which).isNotNull();
    return answer;
  }

  private static void awaitFailed(TestPool pool, String id) throws Exception {
    byte[] question = ("{\"id\":\"" + id + "\"}").getBytes(StandardCharsets.UTF_8);
    long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
    String status = "";
    while (!status.contains("\"state\":\"failed\"")) {
      assertThat(System.nanoTime()).as(status).isLessThan(deadline);
      Message answer = pool.admin.request(pool.subjects.status(), question, Duration.ofSeconds(20));
      assertThat(answer).isNotNull();
      status = new String(answer.getData(), StandardCharsets.UTF_8);
      Thread.sleep(100);
    }
  }

  @Test
  void everyRequesterIsToldSoAtOnceAndNoJobIsLeft() throws Exception {
    String program = NatsServer.program().orElse("");
    Assumptions.assumeFalse(program.isEmpty(), "needs a nats-server of this machine");
    OciImages.in(directory.resolve("base")).layer(new Tar().directory("etc/").bytes()).write();
    Path config =
        Files.writeString(
            directory.resolve("nats.conf"), "jetstream { max_file_store: " + LIMIT + " }\n");
    try (NatsServer server = NatsServer.start(program, "-c", config.toString())) {
      TestPool pool = new TestPool(server.url(), directory);
      StreamConfiguration images =
          pool.admin.jetStreamManagement().getStreamInfo("OBJ_" + pool.bucket).getConfiguration();
      pool.admin
          .jetStreamManagement()
          .updateStream(
              StreamConfiguration.builder(images)
                  .compressionOption(CompressionOption.None)
                  .build());
      pool.worker("w", 1);
      List<ErrorBody> errors = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        Message answer = ask(pool, i);
        if (!new String(answer.getData(), StandardCharsets.UTF_8).contains("\"location\"")) {
          errors.add(Protocol.read(answer.getData(), ErrorBody.class));
        }
      }
      assertThat(errors).hasSize(3);
      // The first of them was a build; with room again its end is known to whoever asks. The others
      // were refused before they were any.
      assertThat(pool.admin.jetStreamManagement().deleteStream("OBJ_" + pool.bucket)).isTrue();
      awaitFailed(pool, String.valueOf(errors.get(0).id()));
      assertThat(
              pool.admin
                  .jetStreamManagement()
                  .getStreamInfo(pool.stream)
                  .getStreamState()
                  .getMsgCount())
          .isZero();
      pool.close();
    }
  }
}
