package dev.nexrootfs.service;

import dev.nexrootfs.build.Phase;
import dev.nexrootfs.build.Progress;
import dev.nexrootfs.protocol.BuildEvent;
import dev.nexrootfs.protocol.BuildEvent.Transition;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.CloudEvent;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.Subjects;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The events of one build, for both generations of Nex and for a requester who follows it; at most
 * four progress events a second.
 */
final class BuildEvents implements Progress {
  private static final Logger LOG = LoggerFactory.getLogger(BuildEvents.class);
  private static final long PROGRESS_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  /** Numbers of one try; each try has its own, since another worker may make it. */
  private static final long NUMBERS = 1_000_000;

  private static final long LAST_NUMBER = NUMBERS - 1;

  private final Pool pool;
  private final String worker;
  private final String id;
  private final Job job;
  private final BuildRequest request;
  private long number;
  private long lastProgress = System.nanoTime() - PROGRESS_NANOS;
  private Phase phase = Phase.RESOLVE;
  private int percent;

  /**
   * The events of {@code job}.
   *
   * @param attempt counts from 1; 0 for whoever only queues
   */
  BuildEvents(Pool pool, Job job, int attempt) {
    this.pool = pool;
    this.worker = pool.settings().worker();
    this.id = job.id();
    this.job = job;
    this.request = job.request();
    this.number = attempt * NUMBERS;
  }

  void queued() {
    publish(Transition.QUEUED, "queued", 0, "waiting for a slot", null, null, null);
  }

  synchronized Phase phase() {
    return phase;
  }

  synchronized int percent() {
    return percent;
  }

  /** Tells only who follows this one that it goes on. */
  synchronized void stillThere(String message) {
    if (job.isStreamed()) {
      pool.replies()
          .line(
              replyTo(),
              event(Transition.PROGRESS, phase.text(), percent, message, null, null, null));
    }
  }

  void started() {
    publish(
        Transition.STARTED,
        Phase.RESOLVE.text(),
        0,
        "building " + request.image(),
        null,
        null,
        null);
  }

  @Override
  public synchronized void report(Phase now, int done, String message) {
    phase = now;
    percent = done;
    long time = System.nanoTime();
    if (time - lastProgress >= PROGRESS_NANOS) {
      lastProgress = time;
      publish(Transition.PROGRESS, now.text(), done, message, null, null, null);
    }
  }

  void completed(BuildReply reply) {
    String message =
        reply.cached() ? "was built before" : "built in " + reply.durations().get("total") + " ms";
    publish(
        Transition.COMPLETED,
        Phase.DONE.text(),
        100,
        message,
        reply.digest(),
        reply.location(),
        null);
  }

  synchronized void failed(RequestException failure) {
    Transition transition =
        failure.code() == ErrorCode.CANCELLED ? Transition.CANCELLED : Transition.FAILED;
    publish(transition, phase.text(), percent, failure.line(), null, null, failure.code());
  }

  /** The last event of a build that nobody had begun. */
  static void failed(Pool pool, BuildStatus ended, RequestException failure) {
    Transition transition =
        failure.code() == ErrorCode.CANCELLED ? Transition.CANCELLED : Transition.FAILED;
    publish(
        pool,
        new BuildEvent(
            ended.id(),
            ended.namespace(),
            transition,
            ended.phase(),
            ended.percent(),
            ended.image(),
            failure.line(),
            null,
            null,
            failure.code(),
            pool.settings().worker()),
        LAST_NUMBER);
  }

  private static void publish(Pool pool, BuildEvent event, long number) {
    String time = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
    try {
      pool.front()
          .publish(
              Subjects.cloudEvent(event.namespace(), event.transition()),
              Protocol.write(CloudEvent.of(event, number, time)));
      pool.front()
          .publish(Subjects.feed(event.namespace(), event.transition()), Protocol.write(event));
    } catch (IllegalStateException | IllegalArgumentException e) {
      // A watcher misses an event while the connection is away; the build goes on.
      LOG.warn(
          "build {}: event {} not published: {}", event.id(), event.transition(), e.getMessage());
    }
  }

  private synchronized void publish(
      Transition transition,
      String phaseText,
      int done,
      String message,
      @Nullable String digest,
      @Nullable String location,
      @Nullable ErrorCode errorCode) {
    BuildEvent event = event(transition, phaseText, done, message, digest, location, errorCode);
    publish(pool, event, number++);
    if (job.isStreamed() && !transition.isLast()) {
      pool.replies().line(replyTo(), event);
    }
  }

  private String replyTo() {
    return String.valueOf(job.replyTo());
  }

  private BuildEvent event(
      Transition transition,
      String phaseText,
      int done,
      String message,
      @Nullable String digest,
      @Nullable String location,
      @Nullable ErrorCode errorCode) {
    return new BuildEvent(
        id,
        request.namespace(),
        transition,
        phaseText,
        done,
        request.image(),
        message,
        digest,
        location,
        errorCode,
        worker);
  }
}
