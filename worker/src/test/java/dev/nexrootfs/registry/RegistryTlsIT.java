package dev.nexrootfs.registry;

import static dev.nexrootfs.registry.ScriptedRegistry.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpsExchange;
import dev.nexrootfs.oracle.Certificates;
import dev.nexrootfs.tls.PemFiles;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** TLS, private authorities and proxies. */
@Timeout(60)
class RegistryTlsIT {
  @TempDir Path directory;
  private final ServedImage image;

  RegistryTlsIT() throws Exception {
    image = ServedImage.of("tls");
  }

  @BeforeEach
  void makeCertificates() {
    Certificates.make(directory);
  }

  private String pem(String name) {
    return directory.resolve(name).toString();
  }

  private ScriptedRegistry registry(String certificate) throws Exception {
    return ScriptedRegistry.start(
        PemFiles.context(
            Optional.of(pem("ca.pem")),
            Optional.of(pem(certificate + ".pem")),
            Optional.of(pem(certificate + ".key"))));
  }

  private RegistrySettings.Host trusting() {
    return new RegistrySettings.Host(false, pem("ca.pem"), null, null, null, null);
  }

  @Test
  void privateAuthorityIsTrustedOnlyWhereItIsConfigured() throws Exception {
    try (ScriptedRegistry registry = registry("server");
        Pulls pulls = Pulls.from()) {
      image.serve(registry, "a", "t");
      assertThatThrownBy(() -> pulls.image(registry.host() + "/a:t"))
          .isInstanceOf(RegistryException.class)
          .hasMessageContaining("cannot be trusted")
          .hasMessageContaining("registries file");
      assertThat(registry.seen()).isEmpty();
      pulls.host(registry.host(), trusting());
      assertThat(pulls.blobs(registry.host() + "/a:t")).containsExactly(image.layer());
    }
  }

  @Test
  void certificateOfAnotherHostIsRefused() throws Exception {
    try (ScriptedRegistry registry = registry("other");
        Pulls pulls = Pulls.from()) {
      image.serve(registry, "a", "t");
      pulls.host(registry.host(), trusting());
      assertThatThrownBy(() -> pulls.image(registry.host() + "/a:t"))
          .hasMessageContaining("cannot be trusted");
      assertThat(registry.seen()).isEmpty();
    }
  }

  @Test
  void clientCertificateIsShownToItsRegistry() throws Exception {
    try (ScriptedRegistry registry = registry("server");
        Pulls pulls = Pulls.from()) {
      image.serve(registry, "a", "t");
      registry.on(
          "GET " + image.blobPath("a", image.layer()),
          exchange -> {
            String peer = ((HttpsExchange) exchange).getSSLSession().getPeerPrincipal().getName();
            (peer.equals("CN=client") ? ScriptedRegistry.ranged(image.layer()) : status(403))
                .send(exchange);
          });
      pulls.host(
          registry.host(),
          new RegistrySettings.Host(
              false, pem("ca.pem"), pem("client.pem"), pem("client.key"), null, null));
      assertThat(pulls.blobs(registry.host() + "/a:t")).containsExactly(image.layer());
    }
  }

  @Test
  void registryIsNotSpokenToWithoutTlsUnlessItIsConfigured() throws Exception {
    try (ScriptedRegistry registry = ScriptedRegistry.start();
        Pulls pulls = Pulls.from()) {
      image.serve(registry, "a", "t");
      assertThatThrownBy(() -> pulls.image(registry.host() + "/a:t"))
          .isInstanceOf(RegistryException.class)
          .hasMessageContaining("--plain-http " + registry.host());
      assertThat(registry.seen()).isEmpty();
      pulls.host(registry.host(), RegistrySettings.Host.ofPlainHttp());
      assertThat(pulls.image(registry.host() + "/a:t").layers()).hasSize(1);
    }
  }

  @Test
  void redirectFromHttpsToHttpIsNotFollowed() throws Exception {
    try (ScriptedRegistry registry = registry("server");
        ScriptedRegistry plain = ScriptedRegistry.start();
        Pulls pulls = Pulls.from()) {
      image.serve(registry, "a", "t");
      registry.on(
          "GET " + image.blobPath("a", image.layer()), status(307, "Location", plain.url("/x")));
      pulls.host(registry.host(), trusting());
      assertThatThrownBy(() -> pulls.blobs(registry.host() + "/a:t"))
          .hasMessageContaining("from https to http");
      assertThat(plain.seen()).isEmpty();
    }
  }

  @Test
  void proxyOfTheEnvironmentIsShownItsCredentialsAndNothingElse() throws Exception {
    try (ScriptedRegistry registry = registry("other");
        RecordingProxy proxy =
            new RecordingProxy(Integer.parseInt(registry.host().replaceFirst(".*:", "")));
        Pulls pulls = Pulls.from()) {
      image.serve(registry, "a", "t");
      Path login =
          Files.writeString(
              directory.resolve("config.json"),
              "{\"auths\":{\"registry.example\":{\"username\":\"u\",\"password\":\"pw\"}}}");
      pulls
          .host("registry.example", trusting())
          .credentials(new CredentialStore(List.of(login), CredentialHelper::new))
          .environment("HTTPS_PROXY", proxy.url("me:proxy-pw@"));
      assertThat(pulls.blobs("registry.example/a:t")).containsExactly(image.layer());
      String pair =
          Base64.getEncoder().encodeToString("me:proxy-pw".getBytes(StandardCharsets.UTF_8));
      assertThat(proxy.heads()).isNotEmpty();
      assertThat(proxy.heads().get(0))
          .startsWith("CONNECT registry.example:443 ")
          .contains("Proxy-Authorization: Basic " + pair);
      assertThat(registry.seen())
          .isNotEmpty()
          .noneMatch(seen -> seen.header("Proxy-Authorization").isPresent());
    }
  }

  @Test
  void hostsOfNoProxyAreReachedDirectly() {
    for (String rule :
        List.of(
            "registry.example",
            ".example",
            "*.example",
            "example",
            "*",
            "a.b, registry.example:443",
            "REGISTRY.EXAMPLE")) {
      assertThat(proxies(rule).covers(java.net.URI.create("https://registry.example/x")))
          .as(rule)
          .isFalse();
    }
    for (String rule : List.of("", "other", "registry.example:80", "y.example", "istry.example")) {
      assertThat(proxies(rule).covers(java.net.URI.create("https://registry.example/x")))
          .as(rule)
          .isTrue();
    }
    assertThat(proxies("10.0.0.0/8").covers(java.net.URI.create("https://10.1.2.3/"))).isFalse();
    assertThat(proxies("10.0.0.0/8").covers(java.net.URI.create("https://11.1.2.3/"))).isTrue();
    assertThat(proxies("").covers(java.net.URI.create("https://127.0.0.1/"))).isFalse();
    assertThat(proxies("").covers(java.net.URI.create("https://[::1]/"))).isFalse();
    assertThat(proxies("").covers(java.net.URI.create("http://registry.example/"))).isFalse();
  }

  private static ProxyEnvironment proxies(String none) {
    return ProxyEnvironment.of(
        java.util.Map.of("https_proxy", "http://proxy.example:3128", "NO_PROXY", none));
  }
}
