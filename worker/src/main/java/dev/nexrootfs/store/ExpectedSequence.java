package dev.nexrootfs.store;

import io.nats.client.JetStreamApiException;

/** What a stream answers to a message that was to be stored only behind a certain other one. */
public final class ExpectedSequence {
  private static final int WRONG_LAST_SEQUENCE = 10_071;

  /** What servers from 2.11 on say while another message is on its way through the cluster. */
  private static final int WRONG_LAST_SEQUENCE_IN_PROGRESS = 10_164;

  private ExpectedSequence() {}

  /** Whether {@code refusal} says that another message came first. */
  public static boolean wasMissed(JetStreamApiException refusal) {
    int code = refusal.getApiErrorCode();
    return code == WRONG_LAST_SEQUENCE || code == WRONG_LAST_SEQUENCE_IN_PROGRESS;
  }
}
