package dev.nexrootfs.oracle;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A program that is run to its end. */
public final class Command {
  private final List<String> words;
  private final Map<String, String> environment = new java.util.HashMap<>();
  private byte[] input = new byte[0];
  private long seconds = 120;

  private Command(List<String> words) {
    this.words = words;
  }

  /**
   * What a program said.
   *
   * @param exit its exit status
   * @param bytes standard output and standard error, as they came
   */
  public record Result(int exit, byte[] bytes) {
    /** The output, one character for a byte. */
    public String output() {
      return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    /** This result, if the program succeeded. */
    public Result orThrow() {
      if (exit != 0) {
        throw new AssertionError("exit status " + exit + ":\n" + output());
      }
      return this;
    }
  }

  /** A command of {@code words}. */
  public static Command of(Object... words) {
    List<String> list = new ArrayList<>();
    for (Object word : words) {
      list.add(word.toString());
    }
    return new Command(list);
  }

  /** The same with standard input. */
  public Command input(byte[] bytes) {
    input = bytes;
    return this;
  }

  /** The same with another bound on its time. */
  public Command timeout(long bound) {
    seconds = bound;
    return this;
  }

  /** The same with a variable. */
  public Command variable(String name, String value) {
    environment.put(name, value);
    return this;
  }

  /** Runs it. */
  public Result run() {
    Path out = null;
    try {
      out = Files.createTempFile("nex-rootfs-command", ".out");
      Path in = Files.createTempFile("nex-rootfs-command", ".in");
      Files.write(in, input);
      ProcessBuilder builder =
          new ProcessBuilder(words)
              .redirectErrorStream(true)
              .redirectInput(in.toFile())
              .redirectOutput(out.toFile());
      builder.environment().put("LC_ALL", "C");
      builder.environment().put("TZ", "UTC");
      builder.environment().putAll(environment);
      Process process = builder.start();
      if (!process.waitFor(seconds, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError(words + " took more than " + seconds + " s");
      }
      Files.delete(in);
      return new Result(process.exitValue(), Files.readAllBytes(out));
    } catch (IOException e) {
      throw new UncheckedIOException(words + " could not be run", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(words + " was interrupted", e);
    } finally {
      if (out != null) {
        out.toFile().delete();
      }
    }
  }

  /** Whether a program of this name is on the PATH. */
  public static boolean exists(String program) {
    for (String directory : System.getenv("PATH").split(":", -1)) {
      if (Files.isExecutable(Path.of(directory, program))) {
        return true;
      }
    }
    return Files.isExecutable(Path.of("/usr/sbin", program))
        || Files.isExecutable(Path.of("/sbin", program));
  }

  /** Skips the running test, naming the program that is missing. */
  public static void require(String program) {
    org.junit.jupiter.api.Assumptions.assumeTrue(
        exists(program), "needs " + program + ", which is not installed; make test installs it");
  }
}
