package dev.nexrootfs.service;

import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.BuildState;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.ReplyMode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.Subjects;
import io.nats.client.impl.Headers;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One request as it lies in the queue: what is asked for, and who waits.
 *
 * @param id the build's id
 * @param replyTo the inbox that waits for the result; null where nobody does
 * @param request what is asked for
 * @param fingerprint hexadecimal SHA-256 of that, however it is to be answered: jobs of one
 *     fingerprint are one build
 * @param deadline after which nobody wants the result
 */
record Job(
    String id,
    @Nullable String replyTo,
    BuildRequest request,
    String fingerprint,
    Optional<Instant> deadline) {
  private static final String DEADLINE_HEADER = "Nex-Deadline";

  /** A request that came in just now. */
  static Job of(String id, String replyTo, BuildRequest request) {
    Long seconds = request.timeoutSeconds();
    return new Job(
        id,
        request.reply() == ReplyMode.ACCEPTED ? null : replyTo,
        request,
        fingerprint(request),
        seconds == null ? Optional.empty() : Optional.of(Instant.now().plusSeconds(seconds)));
  }

  /** A job as it was put into the queue. */
  static Job read(@Nullable Headers headers, byte[] json) throws RequestException {
    BuildRequest request = Protocol.readRequest(json);
    String id = headers == null ? null : headers.getFirst(Subjects.BUILD_ID_HEADER);
    if (headers == null || id == null) {
      throw new RequestException(
          ErrorCode.INVALID_FIELD, "a job without the header " + Subjects.BUILD_ID_HEADER);
    }
    return new Job(
        id,
        headers.getFirst(Subjects.REPLY_TO_HEADER),
        request,
        fingerprint(request),
        deadline(headers));
  }

  private static Optional<Instant> deadline(Headers headers) throws RequestException {
    String deadline = headers.getFirst(DEADLINE_HEADER);
    try {
      return Optional.ofNullable(deadline).map(Instant::parse);
    } catch (DateTimeParseException e) {
      throw new RequestException(
          ErrorCode.INVALID_FIELD,
          "a job whose header " + DEADLINE_HEADER + " is no time: " + deadline,
          e);
    }
  }

  Headers headers() {
    Headers headers = new Headers().add(Subjects.BUILD_ID_HEADER, id);
    if (replyTo != null) {
      headers.add(Subjects.REPLY_TO_HEADER, replyTo);
    }
    deadline.ifPresent(time -> headers.add(DEADLINE_HEADER, time.toString()));
    return headers;
  }

  String namespace() {
    return request.namespace();
  }

  /**
   * What is known of this job now.
   *
   * @param worker who has it in hand; null while nobody has
   * @param tries how often it was begun
   */
  BuildStatus status(
      BuildState state,
      String phase,
      int percent,
      String message,
      @Nullable String worker,
      int tries,
      @Nullable BuildReply reply,
      ErrorBody.@Nullable Detail error) {
    return new BuildStatus(
        id,
        namespace(),
        state,
        phase,
        percent,
        request.image(),
        message,
        Instant.now().truncatedTo(ChronoUnit.MILLIS).toString(),
        fingerprint,
        reply == null ? null : reply.key(),
        worker,
        tries,
        reply,
        error);
  }

  boolean isLate() {
    return isLateBy(Duration.ZERO);
  }

  /** Whether its deadline is more than {@code time} ago. */
  boolean isLateBy(Duration time) {
    return deadline.isPresent() && Instant.now().isAfter(deadline.get().plus(time));
  }

  /** Whether the requester wants to hear how the build goes. */
  boolean isStreamed() {
    return replyTo != null && request.reply() == ReplyMode.STREAM;
  }

  private static String fingerprint(BuildRequest request) {
    try {
      byte[] canonical = Protocol.write(request.canonical());
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(canonical));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    }
  }
}
