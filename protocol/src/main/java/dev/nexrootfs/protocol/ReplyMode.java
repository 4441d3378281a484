package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How a request is answered. */
public enum ReplyMode {
  /** One message, when the build has ended. */
  @JsonProperty("final")
  FINAL,
  /** One message, when the request is queued; the rest is told by events and by status. */
  @JsonProperty("accepted")
  ACCEPTED,
  /**
   * A {@link BuildEvent} a message, at least every ten seconds, then the reply or the error, then
   * an empty message (ADR-47).
   */
  @JsonProperty("stream")
  STREAM
}
