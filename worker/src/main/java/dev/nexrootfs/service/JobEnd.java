package dev.nexrootfs.service;

import dev.nexrootfs.build.BuildResult;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import java.time.Duration;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The end of one job in this worker's hands. Its order is what makes a crash harmless: first the
 * record for those who wait, then the answer, then the status, then the acknowledgement; whoever
 * finds the job again sees how far it came.
 */
final class JobEnd {
  private static final Logger LOG = LoggerFactory.getLogger(JobEnd.class);

  private final Pool pool;
  private final JobIntake.Delivery delivery;
  private final Job job;
  private final JobAccount account;
  private final Supplier<Outage> outage;

  /** An end that has not come; each of its records takes an {@code outage} of its own. */
  JobEnd(Pool pool, JobIntake.Delivery delivery, JobAccount account, Supplier<Outage> outage) {
    this.pool = pool;
    this.delivery = delivery;
    this.job = delivery.job();
    this.account = account;
    this.outage = outage;
  }

  /**
   * The image is stored.
   *
   * @param cancelled whether the requester has been told that it was, and it is there for others
   */
  void completed(BuildResult result, boolean cancelled) throws RequestException {
    BuildReply reply = result.reply();
    pool.figures().countBuilt(reply);
    if (result.dependencies().isPresent()) {
      pool.records()
          .note(
              BuildRecords.hitKey(job.fingerprint()),
              new BuildRecords.Hit(reply, result.dependencies().get(), null));
    }
    pool.records().note(BuildRecords.usedKey(reply.object()), job.id());
    BuildStatus status = account.completed(reply);
    recordForOthers(status);
    if (cancelled) {
      account.end(account.failed(JobRun.cancelled()));
    } else {
      if (!pool.replies().result(job, reply)) {
        untold();
        return;
      }
      account.events().completed(reply);
      account.end(status);
    }
    pool.intake().done(delivery);
    LOG.info(
        "build {} of {} for {}: {} {} {} bytes, cached {}, try {}, ms {}",
        job.id(),
        job.request().image(),
        job.namespace(),
        reply.location(),
        reply.digest(),
        reply.size(),
        reply.cached(),
        account.tries(),
        reply.durations());
  }

  /**
   * There will be no image.
   *
   * @param cancelled whether the requester has been told so already
   */
  void failed(RequestException failure, boolean cancelled) throws RequestException {
    boolean requestersOwn =
        failure.code() == ErrorCode.CANCELLED
            || (failure.code() == ErrorCode.TIMED_OUT && job.deadline().isPresent());
    BuildStatus status = account.failed(failure);
    if (!requestersOwn) {
      recordForOthers(status);
    }
    if (cancelled) {
      account.end(account.failed(JobRun.cancelled()));
    } else {
      if (!pool.replies().failure(job, failure)) {
        untold();
        return;
      }
      account.events().failed(failure);
      account.end(status);
    }
    if (failure.code() == ErrorCode.CANCELLED) {
      pool.figures().countCancelled();
    } else {
      pool.figures().countFailed();
    }
    pool.intake().done(delivery);
    LOG.info(
        "build {} of {} for {} failed in {}, try {}: {} {}",
        job.id(),
        job.request().image(),
        job.namespace(),
        account.events().phase(),
        account.tries(),
        failure.code(),
        failure.line());
  }

  /**
   * Where JetStream takes no records any more: the answer first.
   *
   * @param cancelled whether the requester has been told so already
   * @return whether the requester has its answer, and the job is done
   */
  boolean failedUnrecorded(RequestException failure, boolean cancelled) {
    boolean told = cancelled || pool.replies().failure(job, failure);
    if (told) {
      pool.records().putLater(BuildRecords.buildKey(job.id()), account.failed(failure));
      pool.figures().countFailed();
      pool.intake().done(delivery);
      LOG.error(
          "build {} failed, not recorded yet: {} {}", job.id(), failure.code(), failure.line());
    }
    return told;
  }

  /** Another worker is to do it. */
  void handedBack(int counted, Duration delay) throws RequestException {
    pool.figures().countHandedBack();
    try {
      outage.get().sitOut(() -> account.queuedAgain(counted));
    } finally {
      pool.intake().handBack(delivery, delay);
    }
  }

  /** The answer did not leave this worker: not a try, for nothing was wrong with the build. */
  private void untold() throws RequestException {
    handedBack(account.tries() - 1, Duration.ZERO);
  }

  /** For those who have asked for the same; the requester does not wait longer than that. */
  private void recordForOthers(BuildStatus status) throws RequestException {
    String key = BuildRecords.jobKey(job.namespace(), job.fingerprint());
    try {
      outage.get().sitOut(() -> pool.records().put(key, status));
    } catch (RequestException e) {
      if (e.code() != ErrorCode.STORE_FAILED) {
        throw e;
      }
      LOG.warn("build {}: its end is recorded later: {}", job.id(), e.line());
      pool.records().putLater(key, status);
    }
  }
}
