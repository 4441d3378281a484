package dev.nexrootfs.oracle;

import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;

/**
 * A real nats-server with JetStream: {@code $NATS_URL_FOR_TESTS}, else a process of this machine on
 * a free port with its own store, else a container where an engine answers.
 */
public final class NatsServer implements AutoCloseable {
  private static final Pattern URL = Pattern.compile("\"nats\":\\[\"([^\"]+)\"");
  private static final Duration START = Duration.ofSeconds(20);

  private final String url;
  private @Nullable Process process;
  private final @Nullable GenericContainer<?> container;
  private final @Nullable Path directory;

  private NatsServer(
      String url,
      @Nullable Process process,
      @Nullable GenericContainer<?> container,
      @Nullable Path directory) {
    this.url = url;
    this.process = process;
    this.container = container;
    this.directory = directory;
  }

  /** Starts one with JetStream. */
  public static NatsServer start() throws IOException {
    String given = System.getenv("NATS_URL_FOR_TESTS");
    if (given != null && !given.isBlank()) {
      return new NatsServer(given, null, null, null);
    }
    Optional<String> program = program();
    return program.isPresent() ? start(program.get(), "-js") : inContainer();
  }

  /** Starts {@code program} with {@code flags}, on a free loopback port with a store of its own. */
  public static NatsServer start(String program, String... flags) throws IOException {
    Path directory = Files.createTempDirectory("nex-rootfs-nats");
    List<String> command =
        new ArrayList<>(
            List.of(
                program,
                "-a",
                "127.0.0.1",
                "-p",
                "-1",
                "-sd",
                directory.resolve("store").toString(),
                "--ports_file_dir",
                directory.toString(),
                "-l",
                directory.resolve("log").toString()));
    command.addAll(List.of(flags));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    long deadline = System.nanoTime() + START.toNanos();
    while (System.nanoTime() < deadline && process.isAlive()) {
      Optional<String> url = readPort(directory);
      if (url.isPresent()) {
        return new NatsServer(url.get(), process, null, directory);
      }
      pause();
    }
    process.destroyForcibly();
    throw new IOException(
        command + " did not start: " + Files.readString(directory.resolve("log")));
  }

  /**
   * Starts one by a configuration of {@code deploy/nats}, but with a port and a store of its own.
   */
  public static NatsServer configured(String program, String name, String... flags)
      throws IOException {
    return configured(program, name, Map.of(), flags);
  }

  /** The same, with files that the configuration includes. */
  public static NatsServer configured(
      String program, String name, Map<String, String> included, String... flags)
      throws IOException {
    String text = Files.readString(Path.of("../deploy/nats").resolve(name));
    String own = text.replace("jetstream { store_dir: \"nats-data\" }", "jetstream: enabled");
    if (own.equals(text)) {
      throw new IOException(name + " names no store_dir as it should");
    }
    Path directory = Files.createTempDirectory("nex-rootfs-conf");
    // A trace of an image's chunks is several times as large as the image.
    Path copy = Files.writeString(directory.resolve(name), "max_traced_msg_len: 256\n" + own);
    for (Map.Entry<String, String> file : included.entrySet()) {
      Files.writeString(directory.resolve(file.getKey()), file.getValue());
    }
    List<String> all = new ArrayList<>(List.of("-c", copy.toString()));
    all.addAll(List.of(flags));
    try {
      return start(program, all.toArray(String[]::new));
    } finally {
      deleteTree(directory);
    }
  }

  /** The server that tests use: {@code $NATS_SERVER} or what is on the PATH. */
  public static Optional<String> program() {
    String given = System.getenv("NATS_SERVER");
    if (given != null && !given.isBlank()) {
      return Optional.of(given);
    }
    return Command.exists("nats-server") ? Optional.of("nats-server") : Optional.empty();
  }

  /** Connects to {@code url}, quietly: the client's own listener logs every flow control. */
  public static Connection connect(String url) throws IOException, InterruptedException {
    return Nats.connect(
        new Options.Builder().server(url).errorListener(new ErrorListener() {}).build());
  }

  /**
   * Kills it, SIGKILL, and starts it again on its port and store; it has to be a process of ours.
   */
  public void killAndRestart(String program, String... flags)
      throws IOException, InterruptedException {
    if (process == null || directory == null) {
      throw new IllegalStateException("not a process of this machine that we started");
    }
    process.destroyForcibly().waitFor();
    List<String> command =
        new ArrayList<>(
            List.of(
                program,
                "-js",
                "-a",
                "127.0.0.1",
                "-p",
                Integer.toString(java.net.URI.create(url).getPort()),
                "-sd",
                directory.resolve("store").toString(),
                "-l",
                directory.resolve("log").toString()));
    command.addAll(List.of(flags));
    process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
  }

  /** Where it listens. */
  public String url() {
    return url;
  }

  /** What it has written; it has to be a process of ours. */
  public String log() throws IOException {
    return Files.readString(java.util.Objects.requireNonNull(directory).resolve("log"));
  }

  private static NatsServer inContainer() {
    org.junit.jupiter.api.Assumptions.assumeTrue(
        DockerClientFactory.instance().isDockerAvailable(),
        "needs nats-server on the PATH, $NATS_SERVER, $NATS_URL_FOR_TESTS or a Docker engine; make test installs it");
    GenericContainer<?> container =
        new GenericContainer<>("nats:2.12").withCommand("-js").withExposedPorts(4222);
    container.start();
    return new NatsServer(
        "nats://" + container.getHost() + ":" + container.getMappedPort(4222),
        null,
        container,
        null);
  }

  private static Optional<String> readPort(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      Optional<Path> ports = files.filter(file -> file.toString().endsWith(".ports")).findFirst();
      if (ports.isEmpty()) {
        return Optional.empty();
      }
      Matcher matcher = URL.matcher(Files.readString(ports.get()).replaceAll("\\s", ""));
      return matcher.find() ? Optional.of(matcher.group(1)) : Optional.empty();
    }
  }

  private static void pause() {
    java.util.concurrent.locks.LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
  }

  @Override
  public void close() throws IOException {
    if (process != null) {
      process.destroy();
      try {
        if (!process.waitFor(10, TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    if (container != null) {
      container.stop();
    }
    if (directory != null) {
      deleteTree(directory);
    }
  }

  /** Deletes a directory and all that is in it. */
  public static void deleteTree(Path directory) {
    Command.of("rm", "-rf", directory).run().orThrow();
  }
}
