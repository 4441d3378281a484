package dev.nexrootfs.sandbox;

import static dev.nexrootfs.sandbox.Sandboxed.LIMITS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.sandbox.ScriptException.Reason;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Each limit ends a script, and is named. */
@Tag("alone")
@Timeout(60)
class ScriptLimitsIT {
  private static final ScriptLimits ONE_SECOND =
      new ScriptLimits(
          Duration.ofSeconds(1),
          LIMITS.memoryBytes(),
          LIMITS.processes(),
          LIMITS.diskBytes(),
          LIMITS.outputBytes());

  @TempDir Path directory;

  private ScriptException failure(String... lines) throws IOException {
    return Sandboxed.in(directory, LIMITS).failure(lines);
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    Sandboxed.assertNothingLeft();
  }

  @Test
  void scriptThatIgnoresTermIsEndedInTime() throws IOException {
    ScriptException failure =
        Sandboxed.in(directory, ONE_SECOND)
            .failure("trap '' TERM INT HUP QUIT", "echo begun", "while :; do sleep 0.1; done");
    assertThat(failure.reason()).isEqualTo(Reason.TIMED_OUT);
    assertThat(failure).hasMessageContaining("within 1 s").hasMessageEndingWith("begun");
  }

  @Test
  void forkBombIsEnded() throws IOException {
    ScriptException failure = failure("b() { b | b & }", "b", "sleep 100");
    // It is seen as it grows, or it has run into the kernel's limit and died before that.
    assertThat(failure.reason()).isEqualTo(Reason.PROCESSES);
    assertThat(failure).message().containsPattern("64 processes|got no more processes");
  }

  @Test
  void scriptThatGotNoMoreProcessesAndHangsIsToldOfThese() throws IOException {
    for (String said :
        new String[] {"sh: 1: Cannot fork", "sh: can't fork: Resource temporarily unavailable"}) {
      ScriptException failure =
          Sandboxed.in(directory, ONE_SECOND).failure("echo \"" + said + "\"", "sleep 100");
      assertThat(failure.reason()).isEqualTo(Reason.PROCESSES);
      assertThat(failure).hasMessageContaining("got no more processes, and did not end within 1 s");
    }
  }

  @Test
  void processesThatLeaveTheirSessionAreCounted() throws IOException {
    ScriptException failure =
        failure("for i in $(seq 1000); do setsid sleep 100 & done; sleep 100");
    assertThat(failure.reason()).isEqualTo(Reason.PROCESSES);
    assertThat(failure).hasMessageContaining("64 processes");
  }

  @Test
  void memoryOfOneProcessIsCounted() throws IOException {
    // 160 MiB that stay: at twice the limit the kernel refuses more, and awk would end by itself.
    ScriptException failure =
        failure(
            "awk 'BEGIN { s = \"x\"; for (i = 0; i < 25; i++) s = s s;",
            "for (i = 0; i < 4; i++) a[i] = s i; while (1) i++ }'",
            "sleep 100");
    assertThat(failure.reason()).isEqualTo(Reason.MEMORY);
    assertThat(failure).hasMessageContaining(LIMITS.memoryBytes() + " bytes of memory");
  }

  @Test
  void memoryOfManyProcessesIsSummedUp() throws IOException {
    ScriptException failure =
        failure(
            "for i in 1 2 3 4 5 6 7 8; do",
            "awk 'BEGIN { s = \"x\"; for (i = 0; i < 25; i++) s = s s; while (1) i++ }' &",
            "done; sleep 100");
    assertThat(failure.reason()).isEqualTo(Reason.MEMORY);
  }

  @Test
  void fullDiskIsTold() throws IOException {
    ScriptException failure = failure("cat /dev/zero > /big; sleep 100");
    assertThat(failure.reason()).isEqualTo(Reason.DISK);
  }

  @Test
  void temporaryDirectoriesCountForTheDisk() throws IOException {
    for (String place : new String[] {"/tmp", "/run", "/dev/shm"}) {
      ScriptException failure = failure("cat /dev/zero > " + place + "/big; sleep 100");
      assertThat(failure.reason()).as(place).isEqualTo(Reason.DISK);
    }
  }

  @Test
  void sparseFileOfAnySizeIsNotWrittenOut() throws IOException {
    ScriptException failure = failure("truncate -s 4T /big");
    assertThat(failure.reason()).isEqualTo(Reason.FAILED);
  }

  @Test
  void fourGibibytesOfOutputAreCutOff() throws IOException {
    ScriptException failure = failure("head -c 4294967296 /dev/zero | tr '\\0' 'x'; sleep 100");
    assertThat(failure.reason()).isEqualTo(Reason.OUTPUT);
    ScriptException lines = failure("yes a line of output");
    assertThat(lines.reason()).isEqualTo(Reason.OUTPUT);
    assertThat(lines.toString().length()).isLessThan(2000);
  }

  @Test
  void cancelledBuildEndsItsScript() throws IOException {
    Sandboxed sandbox = Sandboxed.in(directory, LIMITS);
    Assertions.assertThatThrownBy(
            () ->
                sandbox.run(
                    () -> {
                      throw new CancellationException("on request");
                    },
                    "sleep 100"))
        .isInstanceOf(CancellationException.class);
  }
}
