package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What a request's script may reach while it runs. */
public enum Network {
  /** Nothing but a loopback of its own. */
  @JsonProperty("none")
  NONE,
  /** Whatever the worker reaches; only where the operator allows it. */
  @JsonProperty("host")
  HOST
}
