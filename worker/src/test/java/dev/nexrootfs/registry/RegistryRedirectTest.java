package dev.nexrootfs.registry;

import static dev.nexrootfs.registry.ScriptedRegistry.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegistryRedirectTest {
  @TempDir Path directory;
  private final ScriptedRegistry registry = ScriptedRegistry.start();
  private final ScriptedRegistry store = ScriptedRegistry.start();
  private final ServedImage image = ServedImage.of("redirected");
  private Pulls pulls;
  private String blob;

  RegistryRedirectTest() throws IOException {}

  @BeforeEach
  void serve() throws IOException {
    image.serve(registry, "a", "t");
    blob = "GET " + image.blobPath("a", image.layer());
    store.on("GET /data", ScriptedRegistry.ranged(image.layer()));
    Path login =
        Files.writeString(
            directory.resolve("config.json"),
            "{\"auths\":{\"" + registry.host() + "\":{\"registrytoken\":\"SECRET\"}}}");
    pulls =
        Pulls.from(registry)
            .credentials(new CredentialStore(List.of(login), CredentialHelper::new));
  }

  @AfterEach
  void stop() {
    pulls.close();
    registry.close();
    store.close();
  }

  private List<byte[]> pull() throws IOException {
    return pulls.blobs(registry.host() + "/a:t");
  }

  @Test
  void otherHostGetsNeitherAuthorizationNorCookiesAndTheRangeStays() throws Exception {
    registry.on(
        blob,
        status(401, "WWW-Authenticate", "Bearer realm=\"" + registry.url("/token") + "\""),
        status(307, "Location", store.url("/data?signature=abc"), "Set-Cookie", "a=b"));
    store.on(
        "GET /data",
        ScriptedRegistry.cut(image.layer(), 50),
        ScriptedRegistry.ranged(image.layer()));
    assertThat(pull()).containsExactly(image.layer());
    assertThat(registry.seen()).anyMatch(seen -> seen.header("Authorization").isPresent());
    assertThat(store.seen())
        .hasSize(2)
        .noneMatch(seen -> seen.header("Authorization").isPresent())
        .noneMatch(seen -> seen.header("Cookie").isPresent());
    assertThat(store.seen().get(1).header("Range")).contains("bytes=50-");
  }

  @Test
  void relativeLocationStaysAtTheRegistryWithItsAuthorization() throws Exception {
    registry
        .on(
            blob,
            status(401, "WWW-Authenticate", "Bearer realm=\"" + registry.url("/token") + "\""),
            status(302, "Location", "../../x/data"))
        .on("GET /v2/x/data", ScriptedRegistry.ranged(image.layer()));
    assertThat(pull()).containsExactly(image.layer());
    assertThat(registry.seen("GET", "/v2/x/data").get(0).header("Authorization"))
        .contains("Bearer SECRET");
  }

  @ParameterizedTest
  @ValueSource(ints = {10, 11})
  void tenRedirectsAreFollowedAndElevenNot(int hops) throws Exception {
    registry.on(blob, status(307, "Location", "/hop/" + (hops - 1)));
    for (int hop = hops - 1; hop > 0; hop--) {
      registry.on("GET /hop/" + hop, status(307, "Location", "/hop/" + (hop - 1)));
    }
    registry.on("GET /hop/0", ScriptedRegistry.ranged(image.layer()));
    if (hops == 10) {
      assertThat(pull()).containsExactly(image.layer());
    } else {
      assertThatThrownBy(this::pull).hasMessageContaining("more than 10 redirects");
    }
  }

  @Test
  void loopOfRedirectsEnds() throws Exception {
    registry
        .on(blob, status(307, "Location", "/loop"))
        .on("GET /loop", status(307, "Location", "/loop"));
    assertThatThrownBy(this::pull).hasMessageContaining("more than 10 redirects");
    assertThat(registry.seen("GET", "/loop")).hasSize(10);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "file:///etc/passwd",
        "ftp://x/y",
        "http://u:p@127.0.0.1/x",
        "http://%zz/",
        ":"
      })
  void locationThatIsNoPlainUrlIsNotFollowed(String location) throws Exception {
    registry.on(blob, status(307, "Location", location));
    assertThatThrownBy(this::pull)
        .isInstanceOfSatisfying(
            RegistryException.class,
            e -> assertThat(e.reason()).isEqualTo(RegistryException.Reason.NOT_ALLOWED))
        .hasMessageContaining("is not followed");
  }

  @Test
  void expiredPresignedUrlIsMadeAgainByTheRegistry() throws Exception {
    registry.on(
        blob,
        status(307, "Location", store.url("/data?old")),
        status(307, "Location", store.url("/data?new")));
    store
        .on("GET /data?old", status(403))
        .on("GET /data?new", ScriptedRegistry.ranged(image.layer()));
    assertThat(pull()).containsExactly(image.layer());
    assertThat(store.seen())
        .extracting(ScriptedRegistry.Seen::path)
        .containsExactly("/data?old", "/data?new");
  }

  @Test
  void challengeOfAnotherHostIsNotAnswered() throws Exception {
    registry.on(blob, status(307, "Location", store.url("/data")));
    store.on(
        "GET /data", status(401, "WWW-Authenticate", "Bearer realm=\"" + store.url("/t") + "\""));
    assertThatThrownBy(this::pull)
        .isInstanceOfSatisfying(
            RegistryException.class,
            e -> assertThat(e.reason()).isEqualTo(RegistryException.Reason.DENIED));
    assertThat(store.seen()).noneMatch(seen -> seen.header("Authorization").isPresent());
    assertThat(store.seen("GET", "/t")).isEmpty();
  }

  @Test
  void presignedQueryIsInNoMessage() throws Exception {
    registry.on(blob, status(307, "Location", store.url("/data?X-Signature=hunter2")));
    store.on("GET /data", status(500));
    assertThatThrownBy(this::pull)
        .satisfies(e -> assertThat(messages(e)).doesNotContain("hunter2"));
  }

  @Test
  void publicRegistryCannotLeadToAPrivateAddress() throws Exception {
    Reach reach =
        new Reach(
            RegistrySettings.NONE,
            new RegistryPolicy(List.of(), false),
            ProxyEnvironment.of(java.util.Map.of()));
    Endpoint endpoint =
        new Endpoint(
            "192.0.2.1",
            java.net.URI.create("https://8.8.8.8"),
            false,
            RegistrySettings.Host.USUAL);
    for (String target :
        List.of(
            "https://127.0.0.1/x",
            "https://10.1.2.3/",
            "https://[fd00::1]/",
            "https://[64:ff9b::a00:1]/")) {
      assertThatThrownBy(() -> reach.checkRedirect(endpoint, java.net.URI.create(target)))
          .as(target)
          .hasMessageContaining("is private");
    }
    reach.checkRedirect(endpoint, java.net.URI.create("https://8.8.4.4/x"));
  }

  @Test
  void registryThatNobodyNamedCannotLeadToAPrivateAddressWhateverItsNameResolvesToByNow()
      throws Exception {
    Endpoint rebound =
        new Endpoint(
            "localhost",
            java.net.URI.create("https://localhost"),
            false,
            RegistrySettings.Host.USUAL);
    java.net.URI neighbour = java.net.URI.create("https://127.0.0.2/x");
    ProxyEnvironment none = ProxyEnvironment.of(java.util.Map.of());
    assertThatThrownBy(
            () ->
                new Reach(RegistrySettings.NONE, new RegistryPolicy(List.of(), false), none)
                    .checkRedirect(rebound, neighbour))
        .hasMessageContaining("is private");
    new Reach(RegistrySettings.NONE, new RegistryPolicy(List.of("localhost/team"), false), none)
        .checkRedirect(rebound, neighbour);
  }

  static String messages(Throwable e) {
    StringBuilder text = new StringBuilder();
    for (Throwable at = e; at != null; at = at.getCause()) {
      text.append(at).append('\n');
    }
    return text.toString();
  }
}
