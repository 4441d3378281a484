package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What is laid over the base image. */
public enum Guest {
  /** The agent, its service and everything that Nex expects of its guests. */
  @JsonProperty("nex")
  NEX,
  /** Nothing: the image is the OCI image. */
  @JsonProperty("plain")
  PLAIN
}
