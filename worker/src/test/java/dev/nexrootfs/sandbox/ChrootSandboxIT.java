package dev.nexrootfs.sandbox;

import static dev.nexrootfs.sandbox.Sandboxed.LIMITS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.sandbox.Sandboxed.Done;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Scripts that the operator trusts, where there is no sandbox. */
@Tag("alone")
@Timeout(60)
class ChrootSandboxIT {
  @TempDir Path directory;

  private Sandboxed open() throws IOException {
    Assumptions.assumeTrue(
        System.getProperty("user.name", "").equals("root"), "needs root, for chroot");
    LayerCache spool =
        new LayerCache(new CacheDirectory(directory.resolve("cache"), 1L << 32), 1L << 32);
    ScriptSandbox chroot = new ChrootSandbox(directory.resolve("scratch"));
    return Sandboxed.of(spool, new ScriptRun(chroot, false, LIMITS, spool));
  }

  private void assertNothingLeft() throws IOException {
    Sandboxed.assertNothingLeft();
    assertThat(directory.resolve("scratch")).isEmptyDirectory();
  }

  @Test
  void whatAScriptDoesIsTheLayer() throws IOException {
    Done done = open().run("echo x > /dev/null && echo changed > /etc/motd && env");
    assertThat(done.names()).containsExactly("./etc/", "./etc/motd");
    assertThat(done.output()).contains("HOME=/root").doesNotContain("MAVEN").doesNotContain("LC_");
    assertNothingLeft();
  }

  @Test
  void librariesThatAnImageNamesAreNotThoseOfThisMachinesPrograms() throws IOException {
    Done done =
        open()
            .environment(java.util.Map.of("LD_PRELOAD", "/nonexistent.so", "FLAVOR", "sour"))
            .run("env");
    assertThat(done.output()).contains("FLAVOR=sour").doesNotContain("LD_PRELOAD", "nonexistent");
  }

  @Test
  void daemonLeftBehindIsEnded() throws IOException {
    open().run("setsid sh -c 'trap \"\" TERM HUP; exec > /dev/null 2>&1; sleep 98766; true' &");
    assertThat(Command.of("pgrep", "-f", "sleep 98766").run().output()).isEmpty();
    assertNothingLeft();
  }

  @Test
  void limitsHold() throws IOException {
    assertThat(open().failure("yes").reason()).isEqualTo(ScriptException.Reason.OUTPUT);
    assertThat(open().failure("exit 3").reason()).isEqualTo(ScriptException.Reason.FAILED);
    assertNothingLeft();
  }

  @Test
  void whatAKilledWorkerLeftIsSweptAndWhatIsUsedStays() throws IOException {
    Path scratch = Files.createDirectories(directory.resolve("scratch"));
    Files.createDirectories(scratch.resolve("script1/tree/etc"));
    ChrootSandbox.sweep(scratch);
    assertThat(scratch).isEmptyDirectory();
  }
}
