package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import io.nats.client.Connection;
import io.nats.client.Message;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Two workers for an hour ({@code -Dnex-rootfs.soak-minutes}) of builds, hits and errors, six or
 * fewer each second. On a current server, where there is one: before 2.9.15 a purge by subject
 * never gives back what it removed from an account's storage, and the hour fills the server.
 */
@Tag("soak")
@SuppressWarnings("try") // A connection's close() can be interrupted.
class SoakIT {
  private static final long MINUTES = Long.getLong("nex-rootfs.soak-minutes", 60);
  private static final long BUCKET_BYTES = 1L << 30;
  private static final long YOUNG_BYTES = 4L << 30;

  /** So that an hour writes as much as a disk of a test machine takes. */
  private static final long PAUSE_MILLIS = 150;

  private static final Duration SWEEP = Duration.ofSeconds(30);

  @TempDir Path directory;

  /** What a worker holds. */
  private record Held(long resident, int threads, int files) {
    static Held of(List<Program> workers) throws Exception {
      long resident = 0;
      int threads = 0;
      int files = 0;
      for (Program worker : workers) {
        resident = Math.max(resident, worker.residentBytes());
        threads = Math.max(threads, worker.threads());
        files = Math.max(files, worker.openFiles());
      }
      return new Held(resident, threads, files);
    }
  }

  @Test
  void nothingGrowsInAnHour() throws Exception {
    OciImages.in(directory.resolve("base")).layer(new Tar().directory("etc/").bytes()).write();
    long seed = Long.getLong("nex-rootfs.seed", System.nanoTime());
    System.out.println("SoakIT: -Dnex-rootfs.seed=" + seed);
    Random random = new Random(seed);
    String current = "nats-server-current";
    try (NatsServer server =
            Command.exists(current) ? NatsServer.start(current, "-js") : NatsServer.start();
        Connection client = NatsServer.connect(server.url())) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      List<Program> workers = List.of(worker(server.url(), "a"), worker(server.url(), "b"));
      long start = System.nanoTime();
      long end = start + Duration.ofMinutes(MINUTES).toNanos();
      long quarter = start + Duration.ofMinutes(MINUTES).toNanos() / 4;
      long nextSweep = start;
      Held early = new Held(0, 0, 0);
      long requests = 0;
      while (System.nanoTime() < end) {
        Message answer = client.request("nex.rootfs.build", request(random), Duration.ofMinutes(1));
        assertThat(answer).as("request %s", requests).isNotNull();
        requests++;
        Thread.sleep(PAUSE_MILLIS);
        if (early.threads() == 0 && System.nanoTime() > quarter) {
          early = Held.of(workers);
        }
        if (System.nanoTime() > nextSweep) {
          nextSweep = System.nanoTime() + SWEEP.toNanos();
          collect(server.url());
        }
      }
      Held late = Held.of(workers);
      System.out.println("SoakIT: " + requests + " requests, early " + early + ", late " + late);
      assertThat(late.resident()).isLessThan(early.resident() * 5 / 4 + (32 << 20));
      assertThat(late.threads()).isLessThanOrEqualTo(early.threads() + 4);
      assertThat(late.files()).isLessThanOrEqualTo(early.files() + 8);
      collect(server.url());
      var management = client.jetStreamManagement();
      assertThat(management.getStreamInfo("NEX_ROOTFS_JOBS").getStreamState().getMsgCount())
          .isZero();
      assertThat(management.getStreamInfo("KV_NEXROOTFS_LEASES").getStreamState().getMsgCount())
          .isLessThan(2000);
      assertThat(management.getStreamInfo("OBJ_NEXROOTFS").getStreamState().getByteCount())
          .as("the limit, and what is younger than a minute and stays")
          .isLessThan(BUCKET_BYTES + YOUNG_BYTES);
      for (Program worker : workers) {
        assertThat(worker.stop()).isZero();
        worker.close();
      }
    }
  }

  private Program worker(String url, String name) throws Exception {
    return Program.worker(
        url,
        directory.resolve("cache-" + name),
        List.of("-Xmx256m"),
        Map.of(),
        "--name",
        name,
        "--allow-path",
        directory.toString());
  }

  /** New images, ones that were built before, and errors. */
  private byte[] request(Random random) {
    List<String> kinds = new ArrayList<>();
    kinds.add("{\"image\":\"oci:%s\",\"guest\":\"plain\",\"size\":%d}");
    kinds.add("{\"image\":\"oci:%s\",\"guest\":\"plain\",\"size\":%d,\"name\":\"other\"}");
    kinds.add("{\"image\":\"oci:%s/nowhere\",\"guest\":\"plain\",\"size\":%d}");
    kinds.add("{\"image\":\"oci:%s\",\"guest\":\"plain\",\"size\":%d,\"wrong\":1}");
    String kind = kinds.get(random.nextInt(kinds.size()));
    long size = (16L << 20) + random.nextInt(random.nextBoolean() ? 4 : 1 << 12) * 4096L;
    return String.format(kind, directory.resolve("base"), size).getBytes(StandardCharsets.UTF_8);
  }

  private static void collect(String url) {
    // What was asked for within a day would stay; an hour has to stand for more than that.
    Program.run(
            "gc",
            "--no-context",
            "--server",
            url,
            "--max-bytes",
            Long.toString(BUCKET_BYTES),
            "--min-age",
            "1",
            "--used-within",
            "0")
        .orThrow();
  }
}
