package dev.nexrootfs.ext4;

import java.nio.file.Path;
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
}
