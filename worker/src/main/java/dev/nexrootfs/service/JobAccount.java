package dev.nexrootfs.service;

import dev.nexrootfs.build.Phase;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildState;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What others learn of one job while this worker has it: events for those who watch, and records
 * for those who ask. Only the records that change what a job has come to are waited for.
 */
final class JobAccount {
  private static final Logger LOG = LoggerFactory.getLogger(JobAccount.class);
  private static final long NOTE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Pool pool;
  private final Job job;
  private final int tries;
  private final BuildEvents events;
  private long lastNote = System.nanoTime();

  /**
   * An account in which nothing is written yet.
   *
   * @param tries how often the job was begun, this time included
   */
  JobAccount(Pool pool, Job job, int tries) {
    this.pool = pool;
    this.job = job;
    this.tries = tries;
    this.events = new BuildEvents(pool, job, tries);
  }

  int tries() {
    return tries;
  }

  BuildEvents events() {
    return events;
  }

  void begun() throws RequestException {
    put(status(BuildState.RUNNING, Phase.RESOLVE, 0, "resolving the inputs", tries, null, null));
  }

  /** Another worker is to have it, after {@code counted} tries that count. */
  void queuedAgain(int counted) throws RequestException {
    put(status(BuildState.QUEUED, Phase.RESOLVE, 0, "waiting for a worker", counted, null, null));
  }

  private void put(BuildStatus status) throws RequestException {
    pool.records().put(BuildRecords.buildKey(job.id()), status);
  }

  /** A sign of life. */
  void stillThere() {
    events.stillThere("still at it");
  }

  /** How far the build is; {@code noted} for those who ask, too, once a second. */
  void progress(Phase phase, int percent, String message, boolean noted) {
    events.report(phase, percent, message);
    long now = System.nanoTime();
    synchronized (this) {
      if (!noted || now - lastNote < NOTE_NANOS) {
        return;
      }
      lastNote = now;
    }
    note(phase, percent, message);
  }

  /** The build goes on, though not for its requester: not the build's last word. */
  void goesOn(String message) {
    note(events.phase(), events.percent(), message);
  }

  private void note(Phase phase, int percent, String message) {
    pool.records()
        .note(
            BuildRecords.progressKey(job.id()),
            status(BuildState.RUNNING, phase, percent, message, tries, null, null));
  }

  BuildStatus completed(BuildReply reply) {
    String message = "stored as " + reply.location();
    return status(BuildState.COMPLETED, Phase.DONE, 100, message, tries, reply, null);
  }

  BuildStatus failed(RequestException failure) {
    BuildState state =
        failure.code() == ErrorCode.CANCELLED ? BuildState.CANCELLED : BuildState.FAILED;
    ErrorBody.Detail detail = ErrorBody.of(failure, job.id()).error();
    return status(state, events.phase(), events.percent(), failure.line(), tries, null, detail);
  }

  /** The requester has its answer: what cannot be recorded now is recorded later. */
  void end(BuildStatus status) {
    try {
      put(status);
    } catch (RequestException e) {
      LOG.warn("build {}: its end is recorded later: {}", job.id(), e.line());
      pool.records().putLater(BuildRecords.buildKey(job.id()), status);
    }
  }

  private BuildStatus status(
      BuildState state,
      Phase phase,
      int percent,
      String message,
      int counted,
      @Nullable BuildReply reply,
      ErrorBody.@Nullable Detail error) {
    String worker = state == BuildState.QUEUED ? null : pool.settings().worker();
    return job.status(state, phase.text(), percent, message, worker, counted, reply, error);
  }
}
