package dev.nexrootfs.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A program that keeps credentials: {@code docker-credential-NAME get}, which is told the registry
 * on its input and prints JSON (github.com/docker/docker-credential-helpers).
 */
final class CredentialHelper {
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final int MAX_OUTPUT = 1 << 16;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final String name;

  CredentialHelper(String name) {
    this.name = name;
  }

  /** What the helper keeps for {@code registry}; empty where it has nothing. */
  Optional<Credentials> get(String registry) throws IOException {
    if (!name.matches("[A-Za-z0-9._-]+")) {
      throw failed("\"" + name + "\" is no helper's name", null);
    }
    Process process;
    try {
      process =
          new ProcessBuilder("docker-credential-" + name, "get")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
    } catch (IOException e) {
      throw failed("docker-credential-" + name + " cannot be started", e);
    }
    try {
      // What does not end in time is ended, so that reading its output ends too. Not what has
      // ended: that would close its output before it is read.
      var unused =
          process
              .onExit()
              .orTimeout(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
              .exceptionally(late -> process.destroyForcibly());
      tell(process, registry);
      try (InputStream out = process.getInputStream()) {
        byte[] output = out.readNBytes(MAX_OUTPUT);
        return answer(registry, waitFor(process), output);
      }
    } finally {
      process.destroyForcibly();
    }
  }

  private static void tell(Process process, String registry) throws IOException {
    try (OutputStream in = process.getOutputStream()) {
      in.write(registry.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      if (process.isAlive()) {
        throw failed("the helper does not read the registry's name", e);
      }
      // It ended without reading; its exit status and its output say why.
      return;
    }
  }

  private int waitFor(Process process) throws IOException {
    try {
      if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        throw failed("docker-credential-" + name + " did not end within " + PATIENCE, null);
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failed("interrupted while docker-credential-" + name + " ran", e);
    }
  }

  private Optional<Credentials> answer(String registry, int exit, byte[] output)
      throws IOException {
    String text = new String(output, StandardCharsets.UTF_8);
    if (exit != 0) {
      if (text.contains("credentials not found")) {
        return Optional.empty();
      }
      throw failed(
          "docker-credential-" + name + " get exits with " + exit + " for " + registry, null);
    }
    JsonNode answer;
    try {
      answer = JSON.readTree(text);
    } catch (com.fasterxml.jackson.core.JacksonException e) {
      // Its message would quote the secret.
      throw failed("docker-credential-" + name + " prints no JSON for " + registry, null);
    }
    String user = answer.path("Username").asText("");
    String secret = answer.path("Secret").asText("");
    if (user.equals("<token>")) {
      return Optional.of(new Credentials("", "", secret, ""));
    }
    return Optional.of(Credentials.password(user, secret));
  }

  private static RegistryException failed(
      String what, @org.jspecify.annotations.Nullable Throwable cause) {
    return new RegistryException(
        RegistryException.Reason.DENIED, "credential helper: " + what, cause);
  }
}
