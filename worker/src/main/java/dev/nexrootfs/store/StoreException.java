package dev.nexrootfs.store;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Storing or reading an object failed. */
public final class StoreException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Why. */
  public enum Reason {
    /** The server or the account has no JetStream. */
    NO_JETSTREAM,
    /** The bucket does not exist. */
    NO_BUCKET,
    /** The bucket does not hold the object. */
    NO_OBJECT,
    /** The bucket has reached its limit. */
    BUCKET_FULL,
    /** What was read is not what was stored. */
    CORRUPT,
    /** The server left out chunks that it has; read by its leader they come. */
    LEFT_OUT,
    /** The object was deleted or replaced while it was read. */
    REPLACED,
    /** Anything else; can pass. */
    FAILED
  }

  private final Reason reason;

  /** The message says what, which bucket and object, and what to do next. */
  public StoreException(Reason reason, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  /** Why. */
  public Reason reason() {
    return reason;
  }
}
