package dev.nexrootfs.protocol;

/**
 * Every way in which a request can fail. The name travels as {@code code} in {@link ErrorBody}; the
 * number is the value of the {@code Nats-Service-Error-Code} header (ADR-32).
 */
public enum ErrorCode {
  /** The request is not one JSON object of the documented fields. */
  INVALID_JSON(400, false),
  /** A field that the worker does not know; the message names it. */
  UNKNOWN_FIELD(400, false),
  /** A field whose value cannot be used; the message names field, value and what would do. */
  INVALID_FIELD(400, false),
  /** The reply subject is not an inbox, so the worker answers nobody; only logs carry this code. */
  INVALID_REPLY_SUBJECT(400, false),
  /** The request needs a feature that this worker does not have. */
  UNSUPPORTED(501, false),
  /** The operator does not allow the source that the request names. */
  SOURCE_NOT_ALLOWED(403, false),
  /** The base image, or the manifest for the platform, does not exist. */
  IMAGE_NOT_FOUND(404, false),
  /** The registry wants credentials that the worker does not have. */
  REGISTRY_DENIED(403, false),
  /** The registry cannot be reached, fails, or asks to come back later. */
  REGISTRY_FAILED(502, true),
  /** The base image exists and is malformed. */
  INVALID_IMAGE(422, false),
  /** A layer is truncated, corrupt, or holds an entry that no file system may hold. */
  INVALID_LAYER(422, false),
  /** Bytes do not have the digest or the size that was promised for them. */
  DIGEST_MISMATCH(422, false),
  /** An agent, file or script that the request names does not exist. */
  INPUT_NOT_FOUND(404, false),
  /** The agent is not an ELF executable for the platform. */
  INVALID_AGENT(422, false),
  /** The image would not boot or not start the agent, and the request's lint is strict. */
  LINT_FAILED(422, false),
  /** The content does not fit into the size; the message names the size that would do. */
  TOO_SMALL(422, false),
  /** The content exceeds what ext4 or the worker's limits can hold; the message names the entry. */
  TOO_LARGE(422, false),
  /** This worker runs no scripts; the message says why, and what its operator can do. */
  SCRIPT_UNSUPPORTED(501, false),
  /** The operator does not allow what the script asks for: the network. */
  SCRIPT_NOT_ALLOWED(403, false),
  /** The script ended with another status than 0, or by a signal. */
  SCRIPT_FAILED(422, false),
  /** The script did not end within the worker's limit. */
  SCRIPT_TIMED_OUT(422, false),
  /** The script's processes took more memory than they may. */
  SCRIPT_MEMORY(422, false),
  /** The script started more processes than it may. */
  SCRIPT_PROCESSES(422, false),
  /** The script wrote more to its files than it may. */
  SCRIPT_DISK(422, false),
  /** The script said more than it may. */
  SCRIPT_OUTPUT(422, false),
  /** The tree cannot be given to a script, or what the script made of it cannot be kept. */
  SCRIPT_TREE(422, false),
  /** Two runs of the script, asked for to compare them, did not do the same. */
  SCRIPT_DIFFERS(422, false),
  /** The request is longer than 1 MiB, or than the server's max_payload. */
  PAYLOAD_TOO_LARGE(413, false),
  /**
   * The queue is full, or the namespace's part of it; {@code retryAfterMs} says when to come back.
   */
  BUSY(429, true),
  /** Nothing is known of the build that a status or a cancel names. */
  BUILD_NOT_FOUND(404, false),
  /** The build was stopped on request. */
  CANCELLED(409, false),
  /** The build did not end within the request's {@code timeoutSeconds}, or the pool's limit. */
  TIMED_OUT(504, true),
  /** The workers that built this stopped in the middle, each time. */
  WORKER_LOST(500, true),
  /** The worker is stopping and takes no more builds. */
  DRAINING(503, true),
  /** The NATS server or account has no JetStream. */
  NO_JETSTREAM(503, false),
  /** The stream of jobs does not exist. */
  NO_QUEUE(503, false),
  /** The object store bucket does not exist. */
  NO_BUCKET(503, false),
  /** The object store bucket has no room for the image. */
  BUCKET_FULL(507, false),
  /** Storing the image failed after all tries. */
  STORE_FAILED(503, true),
  /** The worker's own disk failed or is full. */
  WORKER_IO(500, true),
  /** The worker's cache has reached its limit with what running builds need. */
  CACHE_FULL(507, true),
  /** A fault of the worker; its log has the details under the build id. */
  INTERNAL(500, false);

  private final int number;
  private final boolean retry;

  ErrorCode(int number, boolean retry) {
    this.number = number;
    this.retry = retry;
  }

  /**
   * The value of the {@code Nats-Service-Error-Code} header; like the HTTP status of the same
   * sense.
   */
  public int number() {
    return number;
  }

  /** Whether the same request can succeed later without a change. */
  public boolean retry() {
    return retry;
  }
}
