package dev.nexrootfs.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nexrootfs.oci.ImageReference;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * The credentials that docker's and podman's log-in left on this machine: {@code config.json} and
 * {@code auth.json}, with their credential helpers (docker's CLI configuration reference;
 * containers-auth.json(5)). Files are read at each use, so a new log-in counts at once.
 */
public final class CredentialStore {
  /** How Docker Hub is called there. */
  private static final String HUB_KEY = "https://index.docker.io/v1/";

  private static final long MAX_FILE_BYTES = 1 << 20;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final List<Path> files;
  private final Function<String, CredentialHelper> helpers;

  CredentialStore(List<Path> files, Function<String, CredentialHelper> helpers) {
    this.files = List.copyOf(files);
    this.helpers = helpers;
  }

  /** No credentials at all. */
  public static CredentialStore none() {
    return new CredentialStore(List.of(), CredentialHelper::new);
  }

  /**
   * The files that {@code environment} leads to: docker's first, then podman's.
   *
   * @param environment variables, as {@link System#getenv()} has them
   */
  public static CredentialStore of(Map<String, String> environment) {
    List<Path> files = new ArrayList<>();
    String home = environment.getOrDefault("HOME", System.getProperty("user.home"));
    String docker = environment.getOrDefault("DOCKER_CONFIG", "");
    files.add(
        (docker.isEmpty() ? Path.of(home, ".docker") : Path.of(docker)).resolve("config.json"));
    String auth = environment.getOrDefault("REGISTRY_AUTH_FILE", "");
    if (!auth.isEmpty()) {
      files.add(Path.of(auth));
    }
    String runtime = environment.getOrDefault("XDG_RUNTIME_DIR", "");
    if (!runtime.isEmpty()) {
      files.add(Path.of(runtime, "containers", "auth.json"));
    }
    String config = environment.getOrDefault("XDG_CONFIG_HOME", "");
    files.add(
        (config.isEmpty() ? Path.of(home, ".config") : Path.of(config))
            .resolve("containers/auth.json"));
    return new CredentialStore(files, CredentialHelper::new);
  }

  /**
   * The credentials for {@code repository} of {@code registry}; empty where none are configured.
   *
   * @throws RegistryException where a file or a helper cannot be read
   */
  Optional<Credentials> find(String registry, String repository) throws IOException {
    for (Path file : files) {
      Optional<Credentials> found =
          Files.isRegularFile(file) ? find(file, registry, repository) : Optional.empty();
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  private Optional<Credentials> find(Path file, String registry, String repository)
      throws IOException {
    JsonNode root = read(file);
    for (String key : keys(registry, repository)) {
      JsonNode helper = root.path("credHelpers").path(key);
      if (helper.isTextual()) {
        return helpers.apply(helper.asText()).get(key);
      }
    }
    JsonNode store = root.path("credsStore");
    if (store.isTextual() && !store.asText().isEmpty()) {
      String key = registry.equals(ImageReference.DOCKER_HUB) ? HUB_KEY : registry;
      Optional<Credentials> stored = helpers.apply(store.asText()).get(key);
      if (stored.isPresent()) {
        return stored;
      }
    }
    for (String key : keys(registry, repository)) {
      JsonNode entry = root.path("auths").path(key);
      if (entry.isObject() && !entry.isEmpty()) {
        return Optional.of(credentials(file, key, entry));
      }
    }
    return Optional.empty();
  }

  /** What an entry for a repository can be called, the longest name first. */
  private static List<String> keys(String registry, String repository) {
    List<String> keys = new ArrayList<>();
    String name = registry + "/" + repository;
    for (int end = name.length(); end > 0; end = name.lastIndexOf('/', end - 1)) {
      keys.add(name.substring(0, end));
    }
    keys.add("https://" + registry);
    keys.add("http://" + registry);
    keys.add("https://" + registry + "/v1/");
    keys.add("https://" + registry + "/v2/");
    if (registry.equals(ImageReference.DOCKER_HUB)) {
      keys.add(HUB_KEY);
      keys.add("index.docker.io");
      keys.add("registry-1.docker.io");
    }
    return keys;
  }

  private static JsonNode read(Path file) throws IOException {
    if (Files.size(file) > MAX_FILE_BYTES) {
      throw unreadable(file, "has more than " + MAX_FILE_BYTES + " bytes");
    }
    try {
      return JSON.readTree(Files.readAllBytes(file));
    } catch (com.fasterxml.jackson.core.JacksonException e) {
      // The parser's message can quote the file, and the file holds secrets.
      throw unreadable(file, "is not JSON, at line " + line(e));
    }
  }

  private static int line(com.fasterxml.jackson.core.JacksonException e) {
    return e.getLocation() == null ? 0 : e.getLocation().getLineNr();
  }

  private static Credentials credentials(Path file, String key, JsonNode entry)
      throws RegistryException {
    String username = entry.path("username").asText("");
    String password = entry.path("password").asText("");
    String auth = entry.path("auth").asText("");
    if (!auth.isEmpty()) {
      String pair;
      try {
        pair = new String(Base64.getDecoder().decode(auth.strip()), StandardCharsets.UTF_8);
      } catch (IllegalArgumentException e) {
        throw unreadable(file, "has no base64 in auths[\"" + key + "\"].auth");
      }
      int colon = pair.indexOf(':');
      if (colon < 0) {
        throw unreadable(file, "has no user:password in auths[\"" + key + "\"].auth");
      }
      username = pair.substring(0, colon);
      password = pair.substring(colon + 1).replaceAll("\0+$", "");
    }
    return new Credentials(
        username,
        password,
        entry.path("identitytoken").asText(""),
        entry.path("registrytoken").asText(""));
  }

  private static RegistryException unreadable(Path file, String why) {
    return new RegistryException(
        RegistryException.Reason.DENIED,
        "the credentials file " + file + " " + why + "; mend it, or log in again",
        null);
  }
}
