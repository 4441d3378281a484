package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Command lines that are wrong in themselves: one line that names flag and value, and status 2. */
class UsageTest {
  /**
   * What a command line came to.
   *
   * @param status exit status
   * @param error standard error
   */
  private record Outcome(int status, String error) {
    static Outcome of(String... arguments) {
      ByteArrayOutputStream error = new ByteArrayOutputStream();
      PrintStream before = System.err;
      System.setErr(new PrintStream(error, true, StandardCharsets.UTF_8));
      try {
        int status = NexRootfs.run(arguments);
        return new Outcome(status, error.toString(StandardCharsets.UTF_8));
      } finally {
        System.setErr(before);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "build --guest nope | \"nope\" is not nex or plain",
        "build --guest plain --network all | \"all\" is not none or host",
        "build | --agent is missing",
        "build --guest plain --output - | --output \"-\" names no file",
        "build --guest plain --cache-bytes 0 | --cache-bytes 0 is no size",
        "build --guest plain --max-layer-bytes 0 | --max-layer-bytes 0 is no size",
        "build --guest plain --size 0 | size: 0 is not",
        "build --guest plain --size free=-1 | size: free=-1 is not",
        "request --guest plain --image a --image-file pom.xml | --image a and --image-file exclude",
        "request --guest plain --timeout 0 | --timeout: 0",
        "worker --no-context --bucket a.b | \"a.b\" is not 1 to 64 letters",
        "worker --no-context --jobs-stream a* | \"a*\" is not 1 to 64 letters",
        "worker --no-context --allow-bucket a> | \"a>\" is not 1 to 64 letters",
        "worker --no-context --name a/b | --name \"a/b\" is not",
        "worker --no-context --slots 0 | slots",
        "worker --no-context --http 80 | --http 80 is not HOST:PORT",
        "worker --no-context --grace -1 | --grace -1 is less than 0",
        "setup --no-context --server foo://x | cannot connect to foo://x",
        "setup --replicas 6 | --replicas 6 is not 1 to 5",
        "gc --max-bytes -2 | --max-bytes -2 is no size",
        "gc --max-age -2 | --max-age -2 is no number of hours",
        "gc --min-age -1 | --min-age -1 is no number of minutes",
        "gc --max-age 9999999999999999 | --max-age 9999999999999999 is no number of hours",
        "gc --used-within 25 | --used-within 25 is not 0 to 24",
        "inspect | give the path",
        "nonsense | nonsense"
      })
  void wrongCommandLineIsToldInOneLine(String line, String message) {
    Outcome outcome = Outcome.of(line.split(" ", -1));
    assertThat(outcome.error()).startsWith("nex-rootfs: ").contains(message).hasLineCount(1);
    assertThat(outcome.status()).isEqualTo(ExitStatus.USAGE);
  }

  /** To open a pipe waits for who writes into it. */
  @Test
  @Timeout(value = 20, unit = TimeUnit.SECONDS)
  void pipeIsNoImage(@TempDir Path directory) throws Exception {
    Path pipe = directory.resolve("pipe");
    assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
    Outcome outcome = Outcome.of("inspect", pipe.toString());
    assertThat(outcome.error()).contains(pipe + ": is no file and no block device");
    assertThat(outcome.status()).isEqualTo(ExitStatus.FAILED);
  }
}
