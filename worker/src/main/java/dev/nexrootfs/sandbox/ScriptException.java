package dev.nexrootfs.sandbox;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A script that did not do its work, or was not let. */
public final class ScriptException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Why. */
  public enum Reason {
    /** It ended with another status than 0, or by a signal. */
    FAILED,
    /** It did not end in time. */
    TIMED_OUT,
    /** Its processes took too much memory. */
    MEMORY,
    /** It had too many processes. */
    PROCESSES,
    /** It filled its disk. */
    DISK,
    /** It said too much. */
    OUTPUT,
    /** The tree holds what a sandbox cannot take, or no image can. */
    TREE,
    /** Two runs of it did not do the same. */
    DIFFERS
  }

  private final Reason reason;

  /** A failure with a sentence that says what, where, and what to do. */
  public ScriptException(Reason reason, String message) {
    this(reason, message, null);
  }

  ScriptException(Reason reason, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  /** Why. */
  public Reason reason() {
    return reason;
  }
}
