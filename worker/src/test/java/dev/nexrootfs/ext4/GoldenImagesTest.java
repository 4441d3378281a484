package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Images byte for byte, by their digests. Where one changes, every image that was ever built
 * changes with it: then the layout version in the build key has to change, too.
 */
class GoldenImagesTest {
  private static final int NEWEST_LTS = 25;

  private static final Map<String, String> DIGESTS =
      Map.of(
          "root only", "5e29364451aa830bd31cd16b56916ef6fb0dea0a4e4ff87b11fe597796cd3204",
          "every type of node", "ec2e5ccdd821f2eb6dcfa32b531aade44ad913e13340f6c2e3494fe08a8767cd",
          "indexed directory", "7888522d6687b6d6dddf29ab4bd866e259d417ee358512a336afec6917c0c3a1",
          "layers with a gap", "b36a5dc2ab24ee49e5f645df0775553fd2fbbe5ca9a8bd29cbad9fa873d92dba",
          "file around a backup",
              "24159771b9e5c9541a0046d44c6ad21912c10a766aefa335a137166202902504");

  @Test
  void fiveTreesHaveTheDigestsThatTheyAlwaysHad() throws Exception {
    assertThat(GoldenImages.digests()).isEqualTo(DIGESTS);
  }

  @Test
  void oneByteOfContentChangesTheDigest() throws Exception {
    assertThat(GoldenImages.everyTypeWith("hellp\n"))
        .isNotEqualTo(GoldenImages.everyTypeWith("hello\n"));
  }

  @Test
  void charsetLocaleAndZoneChangeNothing() {
    assertThat(printed(Path.of(System.getProperty("java.home")))).isEqualTo(DIGESTS);
  }

  @Test
  void newestLtsMakesTheSameBytes() throws Exception {
    Optional<Path> newest = newestLts();
    org.junit.jupiter.api.Assumptions.assumeTrue(
        newest.isPresent(), "needs a JDK " + NEWEST_LTS + " in /usr/lib/jvm");
    assertThat(printed(newest.orElseThrow())).isEqualTo(DIGESTS);
  }

  private static Map<String, String> printed(Path javaHome) {
    return Command.of(
            javaHome.resolve("bin/java"),
            "-Dfile.encoding=ISO-8859-1",
            "-Duser.timezone=Asia/Kolkata",
            "-Duser.language=tr",
            "-Xmx128m",
            "-cp",
            System.getProperty("java.class.path"),
            GoldenImages.class.getName())
        .run()
        .orThrow()
        .output()
        .lines()
        .filter(line -> line.matches(".* [0-9a-f]{64}"))
        .collect(
            Collectors.toMap(
                line -> line.substring(0, line.lastIndexOf(' ')),
                line -> line.substring(line.lastIndexOf(' ') + 1)));
  }

  private static Optional<Path> newestLts() throws IOException {
    Path installed = Path.of("/usr/lib/jvm");
    if (!Files.isDirectory(installed)) {
      return Optional.empty();
    }
    try (Stream<Path> homes = Files.list(installed)) {
      List<Path> all = homes.sorted().toList();
      return all.stream()
          .filter(home -> Files.isExecutable(home.resolve("bin/java")))
          .filter(home -> release(home).contains("JAVA_VERSION=\"" + NEWEST_LTS))
          .findFirst();
    }
  }

  private static String release(Path home) {
    try {
      return Files.readString(home.resolve("release"));
    } catch (IOException e) {
      return ""; // no JDK, but a directory for one
    }
  }
}
