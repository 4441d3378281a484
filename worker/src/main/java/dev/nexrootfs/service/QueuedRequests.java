package dev.nexrootfs.service;

import dev.nexrootfs.protocol.BuildState;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The requests that this worker has put into the queue and that want something while they wait: an
 * end at their deadline, or a sign of life. Where this worker stops, whoever takes the job sees to
 * its deadline.
 */
final class QueuedRequests {
  private static final Logger LOG = LoggerFactory.getLogger(QueuedRequests.class);

  private final Pool pool;
  private final Cancellation cancellation;
  private final Map<String, Queued> requests = new ConcurrentHashMap<>();

  QueuedRequests(Pool pool, Cancellation cancellation) {
    this.pool = pool;
    this.cancellation = cancellation;
  }

  private record Queued(Job job, BuildEvents events) {}

  void watch(Job job, BuildEvents events) {
    if (job.deadline().isPresent() || job.isStreamed()) {
      requests.put(job.id(), new Queued(job, events));
    }
  }

  /** Looks after all of them. */
  void lookAround() {
    for (Queued queued : requests.values()) {
      try {
        lookAfter(queued);
      } catch (RequestException e) {
        // The others would wait as long, one after the other; the next round is soon.
        LOG.debug("request {} is looked after later: {}", queued.job().id(), e.line());
        return;
      }
    }
  }

  private void lookAfter(Queued queued) throws RequestException {
    Job job = queued.job();
    Optional<BuildStatus> status = pool.records().status(job.id());
    if (status.isEmpty() || status.get().state() != BuildState.QUEUED) {
      requests.remove(job.id());
      return;
    }
    queued.events().stillThere("waiting for a slot");
    if (job.isLate()) {
      requests.remove(job.id());
      var unused =
          cancellation.stop(
              status.get(),
              new RequestException(
                  ErrorCode.TIMED_OUT, "no slot was free within the request's timeoutSeconds"));
    }
  }
}
