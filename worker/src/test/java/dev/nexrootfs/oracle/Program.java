package dev.nexrootfs.oracle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Our own program as its users run it: the jar, in a process. */
public final class Program implements AutoCloseable {
  private static final Pattern PEAK = Pattern.compile("VmHWM:\\s+(\\d+) kB");

  private final Process process;
  private final Path log;

  private Program(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /** The command line of {@code nex-rootfs}, with options for the JVM before the arguments. */
  public static List<Object> words(List<String> jvm, Object... arguments) {
    String jar = System.getProperty("nex-rootfs.jar", "target/nex-rootfs.jar");
    List<Object> words = new ArrayList<>();
    words.add(Path.of(System.getProperty("java.home"), "bin", "java"));
    words.addAll(jvm);
    words.add("-jar");
    words.add(jar);
    words.addAll(List.of(arguments));
    return words;
  }

  /** Runs {@code nex-rootfs} to its end. */
  public static Command.Result run(Object... arguments) {
    return Command.of(words(List.of(), arguments).toArray()).timeout(300).run();
  }

  /** Starts a worker and waits until it serves. */
  public static Program worker(
      String url, Path cache, List<String> jvm, Map<String, String> environment, String... flags)
      throws IOException {
    Path log = Files.createTempFile("nex-rootfs-worker", ".log");
    List<String> command = new ArrayList<>();
    words(jvm, "worker", "--no-context", "--server", url, "--cache", cache)
        .forEach(word -> command.add(word.toString()));
    command.addAll(List.of(flags));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().putAll(environment);
    Program worker = new Program(builder.start(), log);
    try {
      worker.await(Duration.ofSeconds(30), " serves ");
    } catch (IOException | AssertionError e) {
      worker.close();
      throw e;
    }
    return worker;
  }

  /** Waits until the log has {@code text}. */
  public void await(Duration patience, String text) throws IOException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (!log().contains(text)) {
      if (System.nanoTime() > deadline || !process.isAlive()) {
        throw new AssertionError("the worker did not say \"" + text + "\":\n" + log());
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
    }
  }

  /** What it has said. */
  public String log() throws IOException {
    return Files.readString(log);
  }

  /** The most memory that it has had resident, bytes. */
  public long peakResidentBytes() throws IOException {
    Matcher matcher = PEAK.matcher(Files.readString(Path.of("/proc/" + process.pid() + "/status")));
    if (!matcher.find()) {
      throw new AssertionError("no VmHWM for " + process.pid());
    }
    return Long.parseLong(matcher.group(1)) << 10;
  }

  /** The memory that it has resident now, bytes. */
  public long residentBytes() throws IOException {
    return Long.parseLong(status("VmRSS:\\s+(\\d+) kB")) << 10;
  }

  /** Its threads now. */
  public int threads() throws IOException {
    return Integer.parseInt(status("Threads:\\s+(\\d+)"));
  }

  /** The files and sockets that it has open now. */
  public int openFiles() throws IOException {
    try (java.util.stream.Stream<Path> files =
        Files.list(Path.of("/proc/" + process.pid() + "/fd"))) {
      return (int) files.count();
    }
  }

  private String status(String pattern) throws IOException {
    Matcher matcher =
        Pattern.compile(pattern)
            .matcher(Files.readString(Path.of("/proc/" + process.pid() + "/status")));
    if (!matcher.find()) {
      throw new AssertionError("no " + pattern + " for " + process.pid());
    }
    return matcher.group(1);
  }

  /** Ends it without a word: SIGKILL. */
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Asks it to stop, SIGTERM; its exit status. */
  public int stop() throws InterruptedException {
    process.destroy();
    return awaitExit(Duration.ofSeconds(30));
  }

  /** Waits until it ends; its exit status. */
  public int awaitExit(Duration patience) throws InterruptedException {
    if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new AssertionError("the worker does not stop");
    }
    return process.exitValue();
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    Files.deleteIfExists(log);
  }
}
