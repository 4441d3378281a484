package dev.nexrootfs.registry;

import static dev.nexrootfs.registry.ScriptedRegistry.body;
import static dev.nexrootfs.registry.ScriptedRegistry.ranged;
import static dev.nexrootfs.registry.ScriptedRegistry.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oci.DigestMismatchException;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.registry.RegistryException.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Registries and mirrors that are busy, down or wrong. */
@Timeout(60)
class RegistryRetryTest {
  @TempDir Path directory;
  private final ScriptedRegistry registry = ScriptedRegistry.start();
  private final ScriptedRegistry mirror = ScriptedRegistry.start();
  private final ServedImage image = ServedImage.of("x");
  private Pulls pulls = Pulls.from();
  private String blob = "";

  RegistryRetryTest() throws IOException {}

  @BeforeEach
  void serve() {
    image.serve(registry, "a", "t");
    blob = "GET " + image.blobPath("a", image.layer());
    pulls = Pulls.from(registry);
  }

  @AfterEach
  void stop() {
    pulls.close();
    registry.close();
    mirror.close();
  }

  private void useMirror() {
    pulls =
        pulls.host(registry.host(), Pulls.plainWith(List.of(mirror.url("/proxy/hub")), List.of()));
  }

  private List<byte[]> pull() throws IOException {
    return pulls.blobs(registry.host() + "/a:t");
  }

  private String mirrored(String path) {
    return "/proxy/hub" + path;
  }

  @Test
  void busyRegistryIsAskedAgainWhenItSays() throws Exception {
    registry.on(blob, status(429, "Retry-After", "1"), ranged(image.layer()));
    long start = System.nanoTime();
    assertThat(pull()).containsExactly(image.layer());
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(900));
  }

  @Test
  void retryAfterCanBeADate() throws Exception {
    String past =
        DateTimeFormatter.RFC_1123_DATE_TIME.format(
            ZonedDateTime.now(ZoneOffset.UTC).minusMinutes(1));
    registry.on(blob, status(503, "Retry-After", past), ranged(image.layer()));
    assertThat(pull()).containsExactly(image.layer());
  }

  @Test
  void retryAfterWithoutAValueThatCanBeReadIsAnOrdinaryDelay() throws Exception {
    registry.on(blob, status(429), status(429, "Retry-After", "soon"), ranged(image.layer()));
    assertThat(pull()).containsExactly(image.layer());
  }

  @Test
  void registryThatWantsAnHourIsToldOfAtOnce() {
    registry.on(blob, status(429, "Retry-After", "3600"));
    assertThatThrownBy(this::pull)
        .isInstanceOfSatisfying(
            RegistryException.class,
            e -> {
              assertThat(e.reason()).isEqualTo(Reason.RATE_LIMITED);
              assertThat(e.retryAfter()).contains(Duration.ofHours(1));
            })
        .hasMessageContaining("3600 s");
    assertThat(registry.seen("GET", image.blobPath("a", image.layer()))).hasSize(1);
  }

  @Test
  void serverErrorThatPassesIsForgotten() throws Exception {
    registry.on(blob, status(503), status(500), ranged(image.layer()));
    assertThat(pull()).containsExactly(image.layer());
  }

  @Test
  void serverErrorThatStaysIsToldAfterAllTries() {
    registry.on(blob, status(500));
    assertThatThrownBy(this::pull)
        .isInstanceOfSatisfying(
            RegistryException.class, e -> assertThat(e.reason()).isEqualTo(Reason.FAILED))
        .hasMessageContaining("500");
    assertThat(registry.seen("GET", image.blobPath("a", image.layer())))
        .hasSize(Pulls.IMPATIENT.attempts());
  }

  @Test
  void registryThatNobodyServesIsNamed() throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    String host = "127.0.0.1:" + port;
    pulls = pulls.host(host, RegistrySettings.Host.ofPlainHttp());
    assertThatThrownBy(() -> pulls.image(host + "/a:t"))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining(host)
        .hasMessageContaining("cannot be reached");
  }

  @Test
  void mirrorIsAskedFirstAndToldWhoseImageIsWanted() throws Exception {
    useMirror();
    mirror
        .on(
            "HEAD " + mirrored("/v2/a/manifests/t"),
            body(200, image.manifest(), "Docker-Content-Digest", image.digest().toString()))
        .on("GET " + mirrored(image.manifestPath("a")), body(200, image.manifest()))
        .on("GET " + mirrored(image.blobPath("a", image.config())), ranged(image.config()))
        .on("GET " + mirrored(image.blobPath("a", image.layer())), ranged(image.layer()));
    assertThat(pull()).containsExactly(image.layer());
    assertThat(registry.seen()).isEmpty();
    assertThat(mirror.seen()).allMatch(seen -> seen.path().endsWith("?ns=" + registry.host()));
  }

  @Test
  void mirrorThatHasNothingOrFailsIsPassedOver() throws Exception {
    useMirror();
    for (int answer : new int[] {404, 500, 401, 429}) {
      mirror.on("HEAD " + mirrored("/v2/a/manifests/t"), status(answer));
      mirror.on("GET " + mirrored("/v2/a/manifests/t"), status(answer));
      assertThat(pull()).as("mirror answers %s", answer).containsExactly(image.layer());
    }
  }

  @Test
  void mirrorWithWrongBytesIsRejectedAndTheRegistryAsked() throws Exception {
    useMirror();
    byte[] wrong = image.layer().clone();
    wrong[20] ^= 1;
    mirror.on("GET " + mirrored(image.blobPath("a", image.layer())), ranged(wrong));
    Image found = pulls.image(registry.host() + "/a:t");
    Image.Layer layer = found.layers().get(0);
    try (InputStream in = found.blobs().openVerified(layer.blob())) {
      assertThatThrownBy(in::readAllBytes).isInstanceOf(DigestMismatchException.class);
    }
    assertThat(found.blobs().reject(layer.blob())).isTrue();
    try (InputStream in = found.blobs().openVerified(layer.blob())) {
      assertThat(in.readAllBytes()).isEqualTo(image.layer());
    }
    assertThat(found.blobs().reject(layer.blob())).isFalse();
    try (InputStream in = found.blobs().openVerified(layer.blob())) {
      assertThat(in.readAllBytes()).isEqualTo(image.layer());
    }
  }

  @Test
  void mirrorWithAWrongConfigIsRejectedWithoutFurtherAsking() throws Exception {
    useMirror();
    byte[] wrong = image.config().clone();
    wrong[20] ^= 1;
    mirror.on("GET " + mirrored(image.blobPath("a", image.config())), ranged(wrong));
    assertThat(pull()).containsExactly(image.layer());
  }

  @Test
  void mirrorGetsNoneOfTheRegistrysCredentials() throws Exception {
    useMirror();
    Path login =
        Files.writeString(
            directory.resolve("config.json"),
            "{\"auths\":{\"" + registry.host() + "\":{\"username\":\"u\",\"password\":\"p\"}}}");
    pulls = pulls.credentials(new CredentialStore(List.of(login), CredentialHelper::new));
    mirror.on(
        "HEAD " + mirrored("/v2/a/manifests/t"), status(401, "WWW-Authenticate", "Basic realm=m"));
    mirror.on(
        "GET " + mirrored("/v2/a/manifests/t"), status(401, "WWW-Authenticate", "Basic realm=m"));
    assertThat(pull()).containsExactly(image.layer());
    assertThat(mirror.seen()).isNotEmpty();
    assertThat(mirror.seen()).noneMatch(seen -> seen.header("Authorization").isPresent());
  }
}
