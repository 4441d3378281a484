package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/**
 * The JSON body of an error reply; the two {@code Nats-Service-Error} headers of ADR-32 go with it.
 *
 * <pre>{@code
 * {"error":{"code":"TOO_SMALL","number":422,"message":"…","retry":false},"id":"…"}
 * }</pre>
 *
 * @param error what went wrong
 * @param id the build id, where the request got one
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ErrorBody(Detail error, @Nullable String id) {
  /**
   * What went wrong.
   *
   * @param code the kind of failure
   * @param number {@link ErrorCode#number()}
   * @param message what, where, the value, and what to do next; one line
   * @param retry whether the same request can succeed later
   * @param retryAfterMs when to try again, in milliseconds, where the worker can tell
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Detail(
      ErrorCode code, int number, String message, boolean retry, @Nullable Long retryAfterMs) {}

  /** The body for {@code failure}. */
  public static ErrorBody of(RequestException failure, @Nullable String id) {
    ErrorCode code = failure.code();
    return new ErrorBody(
        new Detail(
            code,
            code.number(),
            failure.line(),
            code.retry(),
            failure.retryAfterMs().isPresent() ? failure.retryAfterMs().getAsLong() : null),
        id);
  }
}
