package dev.nexrootfs.registry;

import static dev.nexrootfs.registry.ScriptedRegistry.body;
import static dev.nexrootfs.registry.ScriptedRegistry.cut;
import static dev.nexrootfs.registry.ScriptedRegistry.cutWhen;
import static dev.nexrootfs.registry.ScriptedRegistry.ranged;
import static dev.nexrootfs.registry.ScriptedRegistry.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oci.Descriptor;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.DigestMismatchException;
import dev.nexrootfs.registry.ScriptedRegistry.Reply;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Blobs over connections that break in every way. */
@Timeout(60)
class BlobStreamTest {
  private final byte[] blob = new byte[300_000];
  private final Descriptor descriptor;
  private final ScriptedRegistry registry = ScriptedRegistry.start();
  private final Pulls pulls = Pulls.from(registry);

  BlobStreamTest() throws IOException {
    new Random(1).nextBytes(blob);
    descriptor = new Descriptor(null, Digest.sha256(blob), blob.length, null, null);
  }

  @AfterEach
  void stop() {
    pulls.close();
    registry.close();
  }

  private void on(Reply... replies) {
    registry.on("GET /v2/a/blobs/" + descriptor.digest(), replies);
  }

  private byte[] read() throws IOException {
    try (InputStream in = pulls.repository(registry.host() + "/a:t").openVerified(descriptor)) {
      return in.readAllBytes();
    }
  }

  private List<String> ranges() {
    return registry.seen().stream().map(seen -> seen.header("Range").orElse("all")).toList();
  }

  private byte[] readOverCuts(int... cuts) throws IOException {
    return readOverCuts(List.of(ranged(blob)), cuts);
  }

  /** The blob over connections each of which breaks when so many bytes of it were read. */
  private byte[] readOverCuts(List<Reply> then, int... cuts) throws IOException {
    List<CountDownLatch> gates = IntStream.of(cuts).mapToObj(cut -> new CountDownLatch(1)).toList();
    Stream<Reply> replies =
        IntStream.range(0, cuts.length).mapToObj(i -> cutWhen(gates.get(i), blob, cuts[i]));
    on(Stream.concat(replies, then.stream()).toArray(Reply[]::new));
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    try (InputStream in = pulls.repository(registry.host() + "/a:t").openVerified(descriptor)) {
      for (int i = 0; i < cuts.length; i++) {
        all.write(in.readNBytes(cuts[i]));
        gates.get(i).countDown();
      }
      all.write(in.readAllBytes());
    }
    return all.toByteArray();
  }

  @Test
  void downloadGoesOnWhereTheConnectionWasCut() throws Exception {
    assertThat(readOverCuts(100_000, 150_000)).isEqualTo(blob);
    assertThat(ranges()).containsExactly("all", "bytes=100000-", "bytes=250000-");
  }

  @Test
  void bodyThatStandsStillIsGivenUpAndResumed() throws Exception {
    on(registry.stalled(blob, 10_000), ranged(blob));
    assertThat(read()).isEqualTo(blob);
    assertThat(ranges()).containsExactly("all", "bytes=10000-");
  }

  @Test
  void bodyThatDripsIsGivenUp() throws Exception {
    Reply drip =
        exchange -> {
          exchange.sendResponseHeaders(200, blob.length);
          for (int i = 0; i < 100; i++) {
            exchange.getResponseBody().write(blob, i, 1);
            exchange.getResponseBody().flush();
            java.util.concurrent.TimeUnit.MILLISECONDS.sleep(50);
          }
        };
    on(drip, ranged(blob));
    assertThat(read()).isEqualTo(blob);
    assertThat(ranges()).hasSize(2);
  }

  @Test
  void registryThatKnowsNoRangesSendsAllAgain() throws Exception {
    on(cut(blob, 100_000), body(200, blob));
    assertThat(read()).isEqualTo(blob);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "bytes 0-299999/300000",
        "bytes 5-9/300000",
        "bytes 100000-299999/7",
        "nonsense",
        ""
      })
  void wrongRangeIsNotTakenForTheRightOne(String range) throws Exception {
    Reply wrong =
        exchange -> {
          exchange.getResponseHeaders().set("Content-Range", range);
          exchange.sendResponseHeaders(206, blob.length);
          exchange.getResponseBody().write(blob);
        };
    assertThat(readOverCuts(List.of(wrong, body(200, blob)), 100_000)).isEqualTo(blob);
    assertThat(ranges()).containsExactly("all", "bytes=100000-", "all");
  }

  @Test
  void rangeThatCannotBeSatisfiedIsAnError() {
    on(cut(blob, 100_000), status(416));
    assertThatThrownBy(this::read)
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("416");
  }

  @Test
  void contentLengthThatIsNotTheDescriptorsIsRefusedAtOnce() {
    on(body(200, Arrays.copyOf(blob, blob.length - 1)));
    assertThatThrownBy(this::read)
        .isInstanceOf(DigestMismatchException.class)
        .hasMessageContaining("299999 bytes where 300000");
    on(body(200, Arrays.copyOf(blob, blob.length + 1)));
    assertThatThrownBy(this::read).isInstanceOf(DigestMismatchException.class);
  }

  @Test
  void bytesOfAnotherDigestAreRefused() {
    byte[] other = blob.clone();
    other[299_999] ^= 1;
    on(ranged(other));
    assertThatThrownBy(this::read)
        .isInstanceOf(DigestMismatchException.class)
        .hasMessageContaining(descriptor.digest().toString())
        .hasMessageContaining(Digest.sha256(other).toString());
  }

  @Test
  void chunkedBodyWithoutALengthIsRead() throws Exception {
    on(
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          exchange.getResponseBody().write(blob);
        });
    assertThat(read()).isEqualTo(blob);
  }

  @Test
  void chunkedBodyThatEndsEarlyIsResumed() throws Exception {
    on(
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          exchange.getResponseBody().write(blob, 0, 70_000);
        },
        ranged(blob));
    assertThat(read()).isEqualTo(blob);
    assertThat(ranges()).containsExactly("all", "bytes=70000-");
  }

  @Test
  void bodyThatIsCompressedOnTheWayIsRefused() throws Exception {
    byte[] gzipped = dev.nexrootfs.oci.OciImages.gzip(blob);
    on(body(200, gzipped, "Content-Encoding", "gzip"));
    assertThatThrownBy(this::read)
        .isInstanceOf(DigestMismatchException.class)
        .hasMessageContaining("Content-Encoding gzip");
    assertThat(registry.seen().get(0).header("Accept-Encoding")).contains("identity");
  }

  @Test
  void emptyBodyIsNoBlob() {
    on(status(200));
    assertThatThrownBy(this::read).isInstanceOf(IOException.class);
  }

  @Test
  void connectionThatBreaksAgainAndAgainIsGivenUp() {
    on(cut(blob, 10));
    assertThatThrownBy(this::read)
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("breaks off again and again");
    assertThat(registry.seen()).hasSizeLessThan(10);
  }

  @Test
  void connectionThatBreaksOftenButGoesOnComesToItsEnd() throws Exception {
    assertThat(readOverCuts(70_000, 70_000, 70_000, 70_000)).isEqualTo(blob);
    assertThat(registry.seen()).hasSize(5);
  }
}
