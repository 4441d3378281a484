package dev.nexrootfs.service;

import dev.nexrootfs.protocol.Subjects;
import java.time.Duration;
import java.util.List;

/**
 * How a worker serves.
 *
 * @param subjects its subjects
 * @param bucket the bucket for images
 * @param worker its name in replies and events
 * @param version its version, semantic
 * @param slots builds at once, at least 1
 * @param longestBuild after which a build is given up
 * @param grace how long builds may still run after the worker was told to stop
 * @param inboxPrefixes what a reply subject has to start with
 * @param pool what it shares with other workers
 */
public record ServiceSettings(
    Subjects subjects,
    String bucket,
    String worker,
    String version,
    int slots,
    Duration longestBuild,
    Duration grace,
    List<String> inboxPrefixes,
    PoolSettings pool) {
  /** Inboxes of clients, and replies that a service import rewrites. */
  public static final List<String> USUAL_INBOXES = List.of("_INBOX.", "_R_.");

  /**
   * Longer reply subjects are no inboxes: with a reply subject of ours beside it, the protocol's
   * line of 4096 bytes would not hold it.
   */
  private static final int MAX_INBOX = 1024;

  /** Checks the ranges. */
  public ServiceSettings {
    if (slots < 1) {
      throw new IllegalArgumentException("slots " + slots + ": at least 1");
    }
    inboxPrefixes = List.copyOf(inboxPrefixes);
    for (String prefix : inboxPrefixes) {
      // A prefix of nothing is one of every subject, and one of $ leads to the servers' own: either
      // lets a requester publish with the worker's rights.
      if (!prefix.endsWith(".") || prefix.startsWith(".") || prefix.startsWith("$")) {
        throw new IllegalArgumentException(
            "reply prefix \""
                + prefix
                + "\" is not the start of a subject that ends in a point, like _INBOX.");
      }
    }
  }

  /**
   * Whether a reply may be sent to {@code subject}: a subject of anything but an inbox could do
   * harm in our name.
   */
  boolean isInbox(String subject) {
    return subject.length() <= MAX_INBOX
        && inboxPrefixes.stream().anyMatch(subject::startsWith)
        && subject.indexOf('*') < 0
        && subject.indexOf('>') < 0;
  }
}
