package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/** How far a request has come. */
public enum BuildState {
  /** Waits for a free slot, or for the same build that was asked for before. */
  @JsonProperty("queued")
  QUEUED,
  /** A worker builds. */
  @JsonProperty("running")
  RUNNING,
  /** The image is stored. */
  @JsonProperty("completed")
  COMPLETED,
  /** No image; the error says why. */
  @JsonProperty("failed")
  FAILED,
  /** Stopped on request. */
  @JsonProperty("cancelled")
  CANCELLED;

  /** Whether nothing follows. */
  public boolean isLast() {
    return this == COMPLETED || this == FAILED || this == CANCELLED;
  }
}
