package dev.nexrootfs.oracle;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Debian's docker-registry on a free port of loopback. */
public final class DockerRegistry implements AutoCloseable {
  /** The user that a registry with a password knows. */
  public static final String USER = "alice";

  /** The user's password. */
  public static final String PASSWORD = "secret-of-tests";

  private static final String HTPASSWD =
      "alice:$2b$05$abcdefghijklmnopqrstuuw96Ltup7pGh2qN94fVvgzzZyRtkpRBq\n";
  private static final int PATIENCE_SECONDS = 20;

  private final Process process;
  private final int port;

  private DockerRegistry(Process process, int port) {
    this.process = process;
    this.port = port;
  }

  /** A registry without TLS and without a password. */
  public static DockerRegistry start(Path directory) throws IOException {
    return start(directory, "", "");
  }

  /** A registry with the certificates of {@link Certificates} in {@code directory}, and a user. */
  public static DockerRegistry startSecured(Path directory) throws IOException {
    Path users = Files.writeString(directory.resolve("htpasswd"), HTPASSWD);
    return start(
        directory,
        String.format(
            "  tls:\n    certificate: %s\n    key: %s\n",
            directory.resolve("server.pem"), directory.resolve("server.key")),
        String.format("auth:\n  htpasswd:\n    realm: tests\n    path: %s\n", users));
  }

  private static DockerRegistry start(Path directory, String tls, String auth) throws IOException {
    Command.require("docker-registry");
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    Path config =
        Files.writeString(
            directory.resolve("registry.yml"),
            String.format(
                "version: 0.1%nlog:%n  level: warn%nstorage:%n  filesystem:%n    rootdirectory: %s%nhttp:%n  addr: 127.0.0.1:%d%n%s%s",
                directory.resolve("registry"), port, tls, auth));
    ProcessBuilder builder =
        new ProcessBuilder("docker-registry", "serve", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("registry.log").toFile());
    // Otherwise it asks a collector of traces that is not there.
    builder.environment().putAll(Map.of("OTEL_TRACES_EXPORTER", "none"));
    DockerRegistry registry = new DockerRegistry(builder.start(), port);
    registry.await();
    return registry;
  }

  private void await() throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (true) {
      try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
        if (socket.isConnected()) {
          return;
        }
      } catch (IOException e) {
        if (System.nanoTime() > deadline || !process.isAlive()) {
          throw new AssertionError("docker-registry does not answer on port " + port, e);
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
      }
    }
  }

  /** Host and port, as references name them. */
  public String host() {
    return "127.0.0.1:" + port;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
