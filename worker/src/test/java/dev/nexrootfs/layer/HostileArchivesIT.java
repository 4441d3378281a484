package dev.nexrootfs.layer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Command;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostileArchivesIT {
  private static final long SECONDS_OF_ALL = 300;
  private static final long MILLIS_OF_EACH = 30_000;

  @TempDir Path directory;

  @Test
  void everyKindEndsAsItHasToInASmallHeapAndInTime() {
    Command.Result result =
        Command.of(
                Path.of(System.getProperty("java.home"), "bin", "java"),
                "-Xmx64m",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                HostileCorpus.class.getName(),
                directory)
            .timeout(SECONDS_OF_ALL)
            .run()
            .orThrow();
    List<String> lines = result.output().lines().filter(line -> line.contains("\t")).toList();
    assertThat(lines).hasSizeGreaterThan(60);
    assertThat(lines)
        .allSatisfy(
            line -> {
              String[] fields = line.split("\t", -1);
              assertThat(fields[2]).as(fields[0]).isEqualTo("ok");
              assertThat(Long.parseLong(fields[1])).as(fields[0]).isLessThan(MILLIS_OF_EACH);
            });
  }
}
