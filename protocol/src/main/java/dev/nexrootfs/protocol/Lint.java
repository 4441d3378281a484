package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What becomes of an image that does not look as if it would boot and start the agent. */
public enum Lint {
  /** It is stored, and the reply says what was found. */
  @JsonProperty("warn")
  WARN,
  /** It is not stored; the answer is {@link ErrorCode#LINT_FAILED}. */
  @JsonProperty("strict")
  STRICT
}
