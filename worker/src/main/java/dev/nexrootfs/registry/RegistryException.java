package dev.nexrootfs.registry;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A registry does not give what it was asked for. */
public final class RegistryException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Why. */
  public enum Reason {
    /** The registry does not know the repository, manifest or blob. */
    NOT_FOUND,
    /** The registry wants other credentials, or none that it would take are configured. */
    DENIED,
    /** The registry asks to come back later. */
    RATE_LIMITED,
    /** No answer, or none that the protocol allows; can pass. */
    FAILED,
    /** The way leads to a place that the operator has not allowed. */
    NOT_ALLOWED
  }

  private final Reason reason;
  private final transient @Nullable Duration retryAfter;

  /** The message says what, which registry, the answer, and what to do next. */
  public RegistryException(Reason reason, @Nullable String message, @Nullable Throwable cause) {
    this(reason, message, cause, null);
  }

  private RegistryException(
      Reason reason,
      @Nullable String message,
      @Nullable Throwable cause,
      @Nullable Duration retryAfter) {
    super(message, cause);
    this.reason = reason;
    this.retryAfter = retryAfter;
  }

  static RegistryException rateLimited(String message, Duration retryAfter) {
    return new RegistryException(Reason.RATE_LIMITED, message, null, retryAfter);
  }

  /** Why. */
  public Reason reason() {
    return reason;
  }

  /** When to come back, where the registry says so. */
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(retryAfter);
  }
}
