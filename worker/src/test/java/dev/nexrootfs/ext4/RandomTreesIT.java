package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Host;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.LoopMount;
import dev.nexrootfs.oracle.Mke2fs;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.tar.TarWriter;
import dev.nexrootfs.tree.FileTree;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RandomTreesIT {
  @TempDir Path directory;

  static LongStream seeds() {
    return LongStream.range(1, 1 + Long.getLong("nex-rootfs.random-trees", 200));
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void everyOracleReadsTheTreeThatWasWritten(long seed) throws Exception {
    long size = (seed % 5 + 1) * (12L << 20);
    Images.check(Trees.random(seed), size, directory);
  }

  /**
   * But for what mke2fs -d does not take from a directory: fractions of seconds, times after 2038,
   * the root's own attributes, second names of symbolic links; and the mode of such links, which no
   * file system of this machine keeps.
   */
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void mke2fsMakesTheSameTreeOfTheSameFiles(long seed) throws Exception {
    LoopMount.require();
    Command.require("mke2fs-current"); // older ones write times after 2038 as before 1970
    FileTree tree = Trees.random(seed);
    Path archive = directory.resolve("tree.tar");
    try (OutputStream out = Files.newOutputStream(archive)) {
      TarWriter.write(tree, out);
    }
    // In memory, where times have no end; some file systems know none after 2038.
    Path files = Files.createTempDirectory(Path.of("/dev/shm"), "tree");
    Command.of("tar", "-C", files, "--numeric-owner", "-xpf", archive).run().orThrow();
    Path theirs = directory.resolve("theirs.img");
    Mke2fs.write(files, theirs, "200M", "-b", "4096", "-I", "256", "-N", "8192");
    Path ours = directory.resolve("ours.img");
    Images.write(tree, 64L << 20, ours);
    try (LoopMount one = LoopMount.of(ours);
        LoopMount two = LoopMount.of(theirs)) {
      Listing expected = comparable(Host.list(two.point()));
      assertThat(comparable(Host.list(one.point())).differences(expected)).isEmpty();
      assertThat(expected.lines().size()).isEqualTo(comparable(Listing.of(tree)).lines().size());
    }
    NatsServer.deleteTree(files);
  }

  private static Listing comparable(Listing listing) {
    TreeMap<String, String> lines = new TreeMap<>();
    listing
        .without("lost+found")
        .lines()
        .forEach(
            (path, line) ->
                lines.put(
                    path,
                    withoutLateTime(line)
                        .replaceFirst("\\.\\d{9} ", " ")
                        .replaceFirst("^l \\d+ (.*) links=\\d+ ", "l $1 ")));
    lines.remove("");
    return new Listing(lines);
  }

  private static String withoutLateTime(String line) {
    Matcher time = Pattern.compile(" (-?\\d+)\\.\\d{9} ").matcher(line);
    return time.find() && Long.parseLong(time.group(1)) >= Integer.MAX_VALUE
        ? line.replaceFirst(time.group(), " late ")
        : line;
  }
}
