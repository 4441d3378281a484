package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * What a look at a finished tree has found, before it was stored.
 *
 * @param level how bad it is
 * @param check the kind of fault, a word for programs like {@code INIT_MISSING}
 * @param path what it is about, in the image
 * @param message what is wrong and what to do, for a person
 */
public record Finding(Level level, String check, String path, String message) {
  /** How bad a finding is. */
  public enum Level {
    /** The guest will not boot, or the agent will not start. */
    @JsonProperty("error")
    ERROR,
    /** The guest works; whoever runs it should know this. */
    @JsonProperty("note")
    NOTE
  }

  /** As a line of text. */
  public String line() {
    return check + " " + path + ": " + message;
  }
}
