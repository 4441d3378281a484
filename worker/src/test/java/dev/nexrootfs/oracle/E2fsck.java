package dev.nexrootfs.oracle;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * {@code e2fsck -fn}, this machine's and, where it is there, a current one: each has to exit 0 and
 * to say nothing but its passes and its summary.
 */
public final class E2fsck {
  private static final Pattern SUMMARY =
      Pattern.compile(".*: \\d+/\\d+ files \\(.*% non-contiguous\\), \\d+/(\\d+) blocks");
  private static final Pattern USUAL =
      Pattern.compile("e2fsck \\d.*|Pass [1-5]: .*|" + SUMMARY.pattern());
  private static final int BLOCKS_PER_GROUP = 32_768;

  private E2fsck() {}

  /**
   * Fails with what e2fsck says where it finds anything in {@code image} as we wrote it; with more
   * than one group, also where it starts from the first backup.
   */
  public static void check(Path image) {
    for (String program : programs()) {
      if (blocks(program, image) > BLOCKS_PER_GROUP) {
        backup(program, image, 1);
      }
    }
  }

  /**
   * The same for an image that a kernel has written to. A kernel keeps the backups' counts and
   * bitmap checksums as they were, so that nothing can be held against those.
   */
  public static void checkUsed(Path image) {
    for (String program : programs()) {
      blocks(program, image);
    }
  }

  /** The same where it starts from the backup in each of {@code groups}. */
  public static void checkBackups(Path image, int... groups) {
    for (String program : programs()) {
      for (int group : groups) {
        backup(program, image, group);
      }
    }
  }

  private static List<String> programs() {
    return Stream.of("e2fsck", "e2fsck-current")
        .filter(program -> program.equals("e2fsck") || Command.exists(program))
        .toList();
  }

  private static void backup(String program, Path image, int group) {
    long block = (long) group * BLOCKS_PER_GROUP;
    blocks(program, "-b", block, "-B", 4096, image);
  }

  /** The number of blocks in a file system in which the program finds nothing. */
  private static long blocks(String program, Object... arguments) {
    List<Object> command = new ArrayList<>(List.of(program, "-f", "-n"));
    command.addAll(List.of(arguments));
    Command.Result result = Command.of(command.toArray()).run();
    List<String> lines = result.output().lines().filter(line -> !line.isBlank()).toList();
    Optional<Matcher> summary =
        lines.stream().map(SUMMARY::matcher).filter(Matcher::matches).findFirst();
    boolean usual = lines.stream().allMatch(line -> USUAL.matcher(line).matches());
    if (result.exit() != 0 || !usual || summary.isEmpty()) {
      throw new AssertionError(command + " exited " + result.exit() + ":\n" + result.output());
    }
    return Long.parseLong(summary.get().group(1));
  }
}
