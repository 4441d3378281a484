package dev.nexrootfs.service;

import dev.nexrootfs.protocol.BuildState;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stops requests, wherever they are: one that waits is taken out of the queue and answered here; a
 * worker that has it hears of it.
 */
final class Cancellation {
  private static final Logger LOG = LoggerFactory.getLogger(Cancellation.class);

  private final Pool pool;

  Cancellation(Pool pool) {
    this.pool = pool;
  }

  /**
   * Stops the request of {@code status}; what it comes to, or what is known yet.
   *
   * @param why what its requester is told
   */
  BuildStatus stop(BuildStatus status, RequestException why) throws RequestException {
    if (status.state().isLast()) {
      return status;
    }
    // First the word, then the look: a worker looks for the word after it has begun.
    pool.records().putText(BuildRecords.cancelKey(status.id()), why.code().name());
    BuildStatus now = pool.records().progress(status.id()).orElse(status);
    if (now.state() != BuildState.QUEUED) {
      return now;
    }
    Optional<JobQueue.Head> head =
        pool.queue().findRequest(status.namespace(), status.fingerprint(), status.id());
    if (head.isEmpty() || !pool.queue().remove(head.get())) {
      return now;
    }
    return ended(now, head.get(), why);
  }

  /** It is in no queue any more: it is answered here, whatever becomes of its record. */
  private BuildStatus ended(BuildStatus status, JobQueue.Head head, RequestException why) {
    boolean asked = why.code() == ErrorCode.CANCELLED;
    BuildStatus ended =
        new BuildStatus(
            status.id(),
            status.namespace(),
            asked ? BuildState.CANCELLED : BuildState.FAILED,
            status.phase(),
            status.percent(),
            status.image(),
            why.line(),
            Instant.now().truncatedTo(ChronoUnit.MILLIS).toString(),
            status.fingerprint(),
            null,
            null,
            status.tries(),
            null,
            ErrorBody.of(why, status.id()).error());
    String key = BuildRecords.buildKey(status.id());
    try {
      pool.records().put(key, ended);
    } catch (RequestException e) {
      LOG.warn("build {}: its end is recorded later: {}", status.id(), e.line());
      pool.records().putLater(key, ended);
    }
    String replyTo = head.replyTo().orElse(null);
    if (pool.replies().failure(status.id(), replyTo, head.streamed(), why)) {
      pool.figures().countCancelled();
    }
    BuildEvents.failed(pool, ended, why);
    return ended;
  }
}
