package dev.nexrootfs.registry;

import static dev.nexrootfs.registry.ScriptedRegistry.status;
import static dev.nexrootfs.registry.ScriptedRegistry.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.registry.RegistryException.Reason;
import dev.nexrootfs.registry.ScriptedRegistry.Reply;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is shown to registries, and what never is. */
class RegistryAuthenticationTest {
  @TempDir Path directory;
  private ScriptedRegistry registry;
  private ServedImage image;

  RegistryAuthenticationTest() throws IOException {
    registry = ScriptedRegistry.start();
    image = ServedImage.of("x");
  }

  @BeforeEach
  void serve() {
    image.serve(registry, "a/b", "t");
  }

  @AfterEach
  void stop() {
    registry.close();
  }

  /** The manifest only for who shows {@code authorization}; others get the challenges. */
  private void protect(String authorization, String... challenges) {
    for (String method : List.of("HEAD", "GET")) {
      registry.on(method + " /v2/a/b/manifests/t", guarded(authorization, challenges));
    }
    registry.on("GET " + image.manifestPath("a/b"), guarded(authorization, challenges));
  }

  private Reply guarded(String authorization, String... challenges) {
    return exchange -> {
      if (authorization.equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
        ScriptedRegistry.body(200, image.manifest(), "Content-Type", ServedImage.MANIFEST)
            .send(exchange);
        return;
      }
      Arrays.stream(challenges)
          .forEach(one -> exchange.getResponseHeaders().add("WWW-Authenticate", one));
      exchange.sendResponseHeaders(401, -1);
    };
  }

  private String bearer(String rest) {
    return "Bearer realm=\"" + registry.url("/token") + "\"" + rest;
  }

  private String reference() {
    return registry.host() + "/a/b:t";
  }

  private CredentialStore login(String json) throws IOException {
    Path file = Files.writeString(directory.resolve("config.json"), json);
    return new CredentialStore(List.of(file), CredentialHelper::new);
  }

  private CredentialStore login(String user, String password) throws IOException {
    String auth =
        Base64.getEncoder()
            .encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
    return login("{\"auths\":{\"" + registry.host() + "\":{\"auth\":\"" + auth + "\"}}}");
  }

  static Stream<List<String>> challenges() {
    return Stream.of(
        List.of("Basic realm=\"b\", BEARER"),
        List.of("BEARER", "Basic realm=\"b\"", "Negotiate"),
        List.of("Negotiate", "BEARER"),
        List.of("Digest realm=\"d\", nonce=\"n\", BEARER, Basic realm=\"b\""));
  }

  @ParameterizedTest
  @MethodSource("challenges")
  void bearerIsFoundAmongOtherChallenges(List<String> forms) throws Exception {
    protect(
        "Bearer T",
        forms.stream()
            .map(
                form ->
                    form.replace("BEARER", bearer(",service=\"s\",scope=\"repository:a/b:pull\"")))
            .toArray(String[]::new));
    registry.on("GET /token", text(200, "{\"token\":\"T\"}"));
    try (Pulls pulls = Pulls.from(registry)) {
      assertThat(pulls.image(reference()).layers()).hasSize(1);
    }
    assertThat(registry.seen("GET", "/token").get(0).path())
        .isEqualTo("/token?service=s&scope=repository%3Aa%2Fb%3Apull");
  }

  @Test
  void lowerCaseSchemeWithoutQuotesServiceAndScopeDoes() throws Exception {
    protect("Bearer T", "bearer realm=" + registry.url("/token"));
    registry.on("GET /token", text(200, "{\"access_token\":\"T\"}"));
    try (Pulls pulls = Pulls.from(registry)) {
      assertThat(pulls.image(reference()).layers()).hasSize(1);
    }
    assertThat(registry.seen("GET", "/token").get(0).path())
        .isEqualTo("/token?scope=repository%3Aa%2Fb%3Apull");
  }

  @Test
  void scopeOfTheChallengeIsAskedForAsItIs() throws Exception {
    protect("Bearer T", bearer(",scope=\"repository:a/b:pull,delete repository:c:pull\""));
    registry.on("GET /token", text(200, "{\"token\":\"T\"}"));
    try (Pulls pulls = Pulls.from(registry)) {
      assertThat(pulls.image(reference()).layers()).hasSize(1);
    }
    assertThat(registry.seen("GET", "/token").get(0).path())
        .contains("scope=repository%3Aa%2Fb%3Apull%2Cdelete+repository%3Ac%3Apull");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "http://127.0.0.2:1/token",
        "http://10.0.0.1/token",
        "https://10.0.0.1/token",
        "https://192.168.1.1/token",
        "https://169.254.169.254/latest",
        "https://[::1]/token",
        "https://[::ffff:10.0.0.1]/token",
        "https://0.0.0.0/token",
        "https://localhost:1/token",
        "https://100.64.0.1/token",
        "https://user:pass@registry.example/token",
        "ftp://registry.example/token",
        "http://registry.example/token",
        "/token",
        "",
        "https://2130706433/token"
      })
  void tokenServiceAtAPlaceThatNobodyAllowedIsNotAsked(String realm) throws Exception {
    protect("Bearer T", "Bearer realm=\"" + realm + "\",service=s");
    RegistrySettings.Host tlsRegistry = RegistrySettings.Host.ofPlainHttp();
    try (Pulls pulls =
        Pulls.from(registry).host(registry.host(), tlsRegistry).credentials(login("u", "p"))) {
      assertThatThrownBy(() -> pulls.image(reference())).isInstanceOf(RegistryException.class);
    }
    assertThat(registry.seen()).noneMatch(seen -> seen.header("Authorization").isPresent());
    assertThat(registry.seen()).noneMatch(seen -> seen.body().contains("password"));
  }

  @Test
  void tokenServiceAtAnotherPortIsAskedOnlyWhereTheOperatorNamesIt() throws Exception {
    try (ScriptedRegistry service = ScriptedRegistry.start()) {
      service.on("GET /token", text(200, "{\"token\":\"T\"}"));
      protect("Bearer T", "Bearer realm=\"" + service.url("/token") + "\"");
      try (Pulls pulls = Pulls.from(registry)) {
        assertThatThrownBy(() -> pulls.image(reference()))
            .isInstanceOfSatisfying(
                RegistryException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NOT_ALLOWED))
            .hasMessageContaining("is private")
            .hasMessageContaining("registries file");
        assertThat(service.seen()).isEmpty();
        pulls.host(registry.host(), Pulls.plainWith(List.of(), List.of(service.host())));
        assertThat(pulls.image(reference()).layers()).hasSize(1);
      }
    }
  }

  @Test
  void redirectOfTheTokenServiceToAnotherHostGetsNoCredential() throws Exception {
    try (ScriptedRegistry other = ScriptedRegistry.start()) {
      other.on("GET /steal", text(200, "{\"token\":\"T\"}"));
      protect("Bearer T", bearer(""));
      registry
          .on("POST /token", status(404))
          .on("GET /token", status(307, "Location", other.url("/steal")));
      try (Pulls pulls = Pulls.from(registry).credentials(login("u", "secret"))) {
        assertThatThrownBy(() -> pulls.image(reference()))
            .hasMessageContaining("redirects to another host");
      }
      assertThat(other.seen()).noneMatch(seen -> seen.header("Authorization").isPresent());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{\"token\":\"\"}", "[]", "no json", "{\"token\":\"a b\\n\"}"})
  void answerWithoutATokenIsAnErrorThatSaysSo(String answer) throws Exception {
    protect("Bearer T", bearer(""));
    registry.on("GET /token", text(200, answer));
    try (Pulls pulls = Pulls.from(registry)) {
      assertThatThrownBy(() -> pulls.image(reference()))
          .isInstanceOf(RegistryException.class)
          .hasMessageContaining("/token")
          .hasMessageContaining(answer.equals("no json") ? "no JSON" : "without a token");
    }
  }

  @Test
  void tokenOfOneGibibyteIsNotReadWhole() throws Exception {
    protect("Bearer T", bearer(""));
    registry.on(
        "GET /token",
        exchange -> {
          exchange.sendResponseHeaders(200, 1L << 30);
          byte[] much = new byte[1 << 16];
          for (int i = 0; i < 1 << 14; i++) {
            exchange.getResponseBody().write(much);
          }
        });
    try (Pulls pulls = Pulls.from(registry)) {
      assertThatThrownBy(() -> pulls.image(reference()))
          .hasMessageContaining("more than 65536 bytes");
    }
  }

  @Test
  void tokenThatExpiresBeforeTheBlobIsAskedForOnceMore() throws Exception {
    protect("Bearer T", bearer(""));
    registry.on("GET /token", text(200, "{\"token\":\"T\"}"), text(200, "{\"token\":\"U\"}"));
    registry.on(
        "GET " + image.blobPath("a/b", image.layer()),
        exchange -> {
          boolean fresh = "Bearer U".equals(exchange.getRequestHeaders().getFirst("Authorization"));
          (fresh
                  ? ScriptedRegistry.ranged(image.layer())
                  : status(401, "WWW-Authenticate", bearer(",error=\"invalid_token\"")))
              .send(exchange);
        });
    try (Pulls pulls = Pulls.from(registry)) {
      assertThat(pulls.blobs(reference())).containsExactly(image.layer());
    }
    assertThat(registry.seen("GET", "/token")).hasSize(2);
  }

  @Test
  void tokenOfALongLifeIsReused() throws Exception {
    protect("Bearer T", bearer(""));
    registry.on("GET /token", text(200, "{\"token\":\"T\",\"expires_in\":3600}"));
    try (Pulls pulls = Pulls.from(registry)) {
      assertThat(pulls.blobs(reference())).hasSize(1);
      assertThat(pulls.blobs(reference())).hasSize(1);
    }
    assertThat(registry.seen("GET", "/token")).hasSize(1);
  }

  @Test
  void insufficientScopeEndsInsteadOfGoingRound() throws Exception {
    protect("Bearer never", bearer(",error=\"insufficient_scope\""));
    registry.on("GET /token", text(200, "{\"token\":\"T\"}"));
    try (Pulls pulls = Pulls.from(registry)) {
      assertThatThrownBy(() -> pulls.image(reference()))
          .isInstanceOfSatisfying(
              RegistryException.class, e -> assertThat(e.reason()).isEqualTo(Reason.DENIED));
    }
    assertThat(registry.seen("GET", "/token")).hasSizeLessThanOrEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(ints = {404, 405, 400, 401})
  void serviceWithoutOAuthIsAskedByGet(int refusal) throws Exception {
    protect("Bearer T", bearer(",service=\"s\""));
    registry.on("POST /token", status(refusal)).on("GET /token", text(200, "{\"token\":\"T\"}"));
    try (Pulls pulls = Pulls.from(registry).credentials(login("user", "pa:ss"))) {
      assertThat(pulls.image(reference()).layers()).hasSize(1);
    }
    assertThat(registry.seen("POST", "/token").get(0).body())
        .contains("grant_type=password", "username=user", "password=pa%3Ass", "service=s");
    assertThat(registry.seen("GET", "/token").get(0).header("Authorization"))
        .contains(
            "Basic "
                + Base64.getEncoder()
                    .encodeToString("user:pa:ss".getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void identityTokenIsARefreshToken() throws Exception {
    protect("Bearer T", bearer(""));
    registry.on("POST /token", text(200, "{\"access_token\":\"T\"}"));
    String json = "{\"auths\":{\"" + registry.host() + "\":{\"identitytoken\":\"refresh-me\"}}}";
    try (Pulls pulls = Pulls.from(registry).credentials(login(json))) {
      assertThat(pulls.image(reference()).layers()).hasSize(1);
    }
    assertThat(registry.seen("POST", "/token").get(0).body())
        .contains("grant_type=refresh_token", "refresh_token=refresh-me");
  }

  @Test
  void basicIsAnsweredWithTheConfiguredPairAndOnlyAfterAChallenge() throws Exception {
    String pair =
        "Basic " + Base64.getEncoder().encodeToString("u:p".getBytes(StandardCharsets.UTF_8));
    protect(pair, "Basic realm=\"r\"");
    try (Pulls pulls = Pulls.from(registry).credentials(login("u", "p"))) {
      assertThat(pulls.image(reference()).layers()).hasSize(1);
    }
    assertThat(registry.seen().get(0).header("Authorization")).isEmpty();
    assertThat(registry.seen().get(1).header("Authorization")).contains(pair);
  }

  @Test
  void credentialOfAnotherRegistryIsNotShown() throws Exception {
    protect("Basic x", "Basic realm=\"r\"");
    CredentialStore other =
        login("{\"auths\":{\"registry.example\":{\"username\":\"u\",\"password\":\"p\"}}}");
    try (Pulls pulls = Pulls.from(registry).credentials(other)) {
      assertThatThrownBy(() -> pulls.image(reference()))
          .hasMessageContaining("wants a user and a password")
          .hasMessageContaining("log in");
    }
    assertThat(registry.seen()).noneMatch(seen -> seen.header("Authorization").isPresent());
  }

  @Test
  void secretsAreInNoMessage() throws Exception {
    protect("Bearer T", bearer(""));
    registry.on("POST /token", status(401)).on("GET /token", status(401));
    try (Pulls pulls = Pulls.from(registry).credentials(login("u", "hunter2"))) {
      assertThatThrownBy(() -> pulls.image(reference()))
          .satisfies(
              e ->
                  assertThat(e.toString())
                      .contains("check the credentials")
                      .doesNotContain("hunter2")
                      .doesNotContain("dTpodW50ZXIy"));
    }
  }

  @Test
  void threadsThatMissATokenAskForOne() throws Exception {
    protect("Bearer T", bearer(""));
    registry.on("GET /token", text(200, "{\"token\":\"T\",\"expires_in\":3600}"));
    try (Pulls pulls = Pulls.from(registry)) {
      List<Integer> layers =
          Stream.generate(() -> reference())
              .limit(8)
              .parallel()
              .map(
                  reference -> {
                    try {
                      return pulls.image(reference).layers().size();
                    } catch (IOException e) {
                      throw new java.io.UncheckedIOException(e);
                    }
                  })
              .toList();
      assertThat(layers).hasSize(8).containsOnly(1);
    }
    assertThat(registry.seen("GET", "/token")).hasSize(1);
  }
}
