package dev.nexrootfs.registry;

import java.time.Duration;

/**
 * How long a client waits, and how often it tries.
 *
 * @param attempts requests for one thing at one place, at least 1
 * @param firstDelay before the second attempt; each further delay is twice as long
 * @param longestDelay the most that a registry's Retry-After is waited for
 * @param connect until a connection stands
 * @param answer until a response's headers are there
 * @param stall a body that brings fewer than {@link #STALL_BYTES} in so long is given up and
 *     resumed
 */
public record Patience(
    int attempts,
    Duration firstDelay,
    Duration longestDelay,
    Duration connect,
    Duration answer,
    Duration stall) {
  /** So slow that it counts as standing still: a body that drips would hold a slot for ever. */
  static final int STALL_BYTES = 4096;

  /** For real networks. */
  public static final Patience USUAL =
      new Patience(
          5,
          Duration.ofMillis(500),
          Duration.ofSeconds(60),
          Duration.ofSeconds(15),
          Duration.ofSeconds(30),
          Duration.ofSeconds(30));

  /** The delay before the attempt after {@code attempt}, which counts from 1. */
  Duration delayAfter(int attempt) {
    Duration delay = firstDelay.multipliedBy(1L << Math.min(attempt - 1, 16));
    return delay.compareTo(longestDelay) < 0 ? delay : longestDelay;
  }
}
