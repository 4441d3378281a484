package dev.nexrootfs.service;

import dev.nexrootfs.build.Phase;
import dev.nexrootfs.build.Progress;
import dev.nexrootfs.protocol.BuildEvent;
import dev.nexrootfs.protocol.BuildEvent.Transition;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.CloudEvent;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.Subjects;
import io.nats.client.Connection;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The events of one build, for both generations of Nex, at most four progress events a second. */
final class BuildEvents implements Progress {
  private static final Logger LOG = LoggerFactory.getLogger(BuildEvents.class);
  private static final long PROGRESS_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private final Connection front;
  private final String worker;
  private final String id;
  private final BuildRequest request;
  private long number;
  private long lastProgress = System.nanoTime() - PROGRESS_NANOS;
  private Phase phase = Phase.RESOLVE;
  private int percent;

  BuildEvents(Connection front, String worker, String id, BuildRequest request) {
    this.front = front;
    this.worker = worker;
    this.id = id;
    this.request = request;
  }

  void queued() {
    publish(Transition.QUEUED, "queued", 0, "waiting for a slot", null, null, null);
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
    publish(Transition.FAILED, phase.text(), percent, failure.line(), null, null, failure.code());
  }

  private synchronized void publish(
      Transition transition,
      String phaseText,
      int done,
      String message,
      @Nullable String digest,
      @Nullable String location,
      @Nullable ErrorCode errorCode) {
    BuildEvent event =
        new BuildEvent(
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
    String time = Instant.now().truncatedTo(ChronoUnit.MILLIS).toString();
    try {
      front.publish(
          Subjects.cloudEvent(request.namespace(), transition),
          Protocol.write(CloudEvent.of(event, ++number, time)));
      front.publish(Subjects.feed(request.namespace(), transition), Protocol.write(event));
    } catch (IllegalStateException | IllegalArgumentException e) {
      // A watcher misses an event while the connection is away; the build goes on.
      LOG.warn("build {}: event {} not published: {}", id, transition, e.getMessage());
    }
  }
}
