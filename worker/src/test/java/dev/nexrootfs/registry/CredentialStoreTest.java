package dev.nexrootfs.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What docker's and podman's log-ins leave behind. */
class CredentialStoreTest {
  @TempDir Path directory;

  private CredentialStore login(String json) throws IOException {
    Path file = Files.writeString(directory.resolve("config.json"), json);
    return new CredentialStore(List.of(file), CredentialHelper::new);
  }

  @Test
  void keysOfDockersAndPodmansFilesAreFound() throws Exception {
    CredentialStore store =
        login(
            "{\"auths\":{"
                + "\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnA=\"},"
                + "\"r.example\":{\"auth\":\"aG9zdDpw\"},"
                + "\"r.example/team\":{\"auth\":\"dGVhbTpw\"},"
                + "\"r.example/team/app\":{\"auth\":\"YXBwOnA=\"},"
                + "\"empty.example\":{}}}");
    assertThat(user(store, "docker.io", "library/a")).isEqualTo("hub");
    assertThat(user(store, "r.example", "x")).isEqualTo("host");
    assertThat(user(store, "r.example", "team/x")).isEqualTo("team");
    assertThat(user(store, "r.example", "team/app")).isEqualTo("app");
    assertThat(user(store, "r.example", "teammate")).isEqualTo("host");
    assertThat(store.find("empty.example", "x")).isEmpty();
    assertThat(store.find("other.example", "x")).isEmpty();
  }

  private static String user(CredentialStore store, String registry, String repository)
      throws IOException {
    return store.find(registry, repository).orElseThrow().username();
  }

  @Test
  void filesAreLookedForWhereDockerAndPodmanPutThem() throws Exception {
    Path auth = directory.resolve("run/containers");
    Files.createDirectories(auth);
    Files.writeString(auth.resolve("auth.json"), "{\"auths\":{\"a.example\":{\"auth\":\"YTpw\"}}}");
    Path named =
        Files.writeString(
            directory.resolve("n"), "{\"auths\":{\"b.example\":{\"auth\":\"Yjpw\"}}}");
    CredentialStore store =
        CredentialStore.of(
            Map.of(
                "HOME",
                directory.toString(),
                "XDG_RUNTIME_DIR",
                directory.resolve("run").toString(),
                "REGISTRY_AUTH_FILE",
                named.toString()));
    assertThat(user(store, "a.example", "x")).isEqualTo("a");
    assertThat(user(store, "b.example", "x")).isEqualTo("b");
    Files.createDirectories(directory.resolve(".docker"));
    Files.writeString(
        directory.resolve(".docker/config.json"),
        "{\"auths\":{\"a.example\":{\"auth\":\"Yzpw\"}}}");
    assertThat(user(store, "a.example", "x")).isEqualTo("c");
  }

  @Test
  void brokenFileIsAnErrorWithoutItsSecrets() throws Exception {
    for (String broken :
        List.of("{\"auths\": hunter2", "{\"auths\":{\"r\":{\"auth\":\"hunter2!\"}}}")) {
      CredentialStore store = login(broken);
      assertThatThrownBy(() -> store.find("r", "x"))
          .isInstanceOf(RegistryException.class)
          .hasMessageContaining("config.json")
          .satisfies(e -> assertThat(e.toString()).doesNotContain("hunter2"));
    }
  }

  @Test
  void helperIsAskedForItsRegistry() throws Exception {
    helper(
        "docker-credential-fake",
        """
        read r; [ "$1" = get ] || exit 3
        case $r in
        one) echo '{"ServerURL":"one","Username":"u","Secret":"s"}';;
        two) echo '{"Username":"<token>","Secret":"t"}';;
        bad) echo 'not json hunter2';;
        none) echo 'credentials not found in native keychain'; exit 1;;
        *) exit 7;;
        esac
        """);
    String path = directory + ":" + System.getenv("PATH");
    List<String> script =
        List.of("one", "two", "none", "bad", "else").stream()
            .map(registry -> HelperProbe.ask(path, directory, "fake", registry))
            .toList();
    assertThat(script)
        .containsExactly("u s", " refresh t", "none", "error no JSON", "error exits with 7");
  }

  private void helper(String name, String script) throws IOException {
    Path file = Files.writeString(directory.resolve(name), "#!/bin/sh\n" + script);
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }
}
