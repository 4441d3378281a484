package dev.nexrootfs.protocol;

import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A request that fails, with the code and the sentence that its requester is told. */
public final class RequestException extends Exception {
  private static final long serialVersionUID = 1L;

  /** Longest line: events and replies carry it more than once. */
  private static final int MAX_LINE = 2000;

  private final ErrorCode code;
  private final long retryAfterMs;

  /** A failure whose message says what, where, the value, and what to do next. */
  public RequestException(ErrorCode code, String message) {
    this(code, message, null);
  }

  /** A failure with the exception that led to it. */
  public RequestException(ErrorCode code, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
    this.retryAfterMs = -1;
  }

  private RequestException(ErrorCode code, String message, long retryAfterMs) {
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }

  /** A failure that passes, with the time after which to try again, in milliseconds. */
  public static RequestException retryAfter(ErrorCode code, String message, long retryAfterMs) {
    return new RequestException(code, message, retryAfterMs);
  }

  /** The failure that an error body tells of. */
  public static RequestException of(ErrorBody.Detail detail) {
    Long after = detail.retryAfterMs();
    return new RequestException(detail.code(), detail.message(), after == null ? -1 : after);
  }

  /** The kind of failure. */
  public ErrorCode code() {
    return code;
  }

  /** The message as one line: what a NATS header can carry. */
  public String line() {
    String message = getMessage();
    if (message == null) {
      return code.name();
    }
    String line = message.replaceAll("[\\p{Cntrl}]+", " ").strip();
    return line.length() <= MAX_LINE ? line : line.substring(0, MAX_LINE) + "…";
  }

  /** When to try again, in milliseconds, where known. */
  public OptionalLong retryAfterMs() {
    return retryAfterMs < 0 ? OptionalLong.empty() : OptionalLong.of(retryAfterMs);
  }
}
