package dev.nexrootfs.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import picocli.CommandLine.Option;

/** Where an image goes, and how long that may take. */
final class FetchFlags {
  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      required = true,
      description = "the file, replaced when the new one is whole")
  private Path output = Path.of("");

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "600",
      description =
          "how long all of it may take, with the wait for a server (default: ${DEFAULT-VALUE})")
  private int timeoutSeconds;

  Path output() {
    return output;
  }

  /** The end of the time that is given, by {@link System#nanoTime}. */
  long deadline() throws CommandFailure {
    if (timeoutSeconds < 1) {
      throw CommandFailure.usage(
          "--timeout: " + timeoutSeconds + " is not a number of seconds from 1 on", null);
    }
    return System.nanoTime() + Duration.ofSeconds(timeoutSeconds).toNanos();
  }

  static void show(PrintWriter out, ImageFetch.Outcome outcome, Path file) {
    out.println((outcome.changed() ? "fetched   " : "unchanged ") + file);
    out.println("from      " + outcome.object().location());
    out.println("digest    " + outcome.object().digest());
    out.println("size      " + outcome.object().size() + " bytes");
    out.flush();
  }
}
