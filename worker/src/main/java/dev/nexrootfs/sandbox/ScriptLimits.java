package dev.nexrootfs.sandbox;

import java.time.Duration;

/**
 * What one script may take.
 *
 * @param wallClock how long it may run
 * @param memoryBytes memory of all of its processes together
 * @param processes how many processes it may have at once
 * @param diskBytes what it may add to the tree, temporary files among it
 * @param outputBytes what it may say
 */
public record ScriptLimits(
    Duration wallClock, long memoryBytes, int processes, long diskBytes, long outputBytes) {
  /** What a script may take where the operator says nothing. */
  public static final ScriptLimits USUAL =
      new ScriptLimits(Duration.ofMinutes(10), 1L << 30, 512, 2L << 30, 16L << 20);

  /** Checks the ranges. */
  public ScriptLimits {
    if (wallClock.isNegative()
        || wallClock.isZero()
        || memoryBytes < 1
        || processes < 1
        || diskBytes < 1
        || outputBytes < 1) {
      throw new IllegalArgumentException("a limit of a script that is not above 0");
    }
  }
}
