package dev.nexrootfs.service;

import dev.nexrootfs.build.RootfsBuild;
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
import io.nats.client.NUID;
import io.nats.client.impl.Headers;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * The endpoint {@code build}: answers at once what it can, and puts everything else into the pool's
 * queue. It never builds.
 */
final class BuildEndpoint implements Front.Handler {
  private static final Logger LOG = LoggerFactory.getLogger(BuildEndpoint.class);

  /** What the way into the queue can fail on, and need not the next time. */
  private static final Set<ErrorCode> PUT_OFF =
      EnumSet.of(
          ErrorCode.BUSY,
          ErrorCode.DRAINING,
          ErrorCode.STORE_FAILED,
          ErrorCode.NO_JETSTREAM,
          ErrorCode.NO_QUEUE,
          ErrorCode.BUCKET_FULL);

  private final Pool pool;
  private final RootfsBuild build;
  private final Hits hits;
  private final QueuedRequests queued;

  BuildEndpoint(Pool pool, RootfsBuild build, Hits hits, QueuedRequests queued) {
    this.pool = pool;
    this.build = build;
    this.hits = hits;
    this.queued = queued;
  }

  @Override
  @SuppressWarnings("try") // the id is for the log, not used
  public void answer(Front.Request request) throws RequestException {
    pool.figures().countRequest();
    String id = buildId(request.headers());
    boolean streamed = false;
    try (MDC.MDCCloseable logged = MDC.putCloseable("build", id)) {
      BuildRequest wanted = Protocol.readRequest(request.json());
      if (request.namespace().isPresent()) {
        wanted = wanted.in(request.namespace().get());
      }
      streamed = wanted.reply() == ReplyMode.STREAM;
      build.admit(wanted);
      Job job = Job.of(id, request.replyTo(), wanted);
      Outage outage = new Outage(pool.settings().worker());
      Optional<BuildStatus> before =
          isChosen(request.headers())
              ? outage.sitOut(() -> pool.records().status(id))
              : Optional.empty();
      Optional<BuildReply> hit =
          before.isPresent() ? Optional.empty() : outage.sitOut(() -> hits.find(job));
      if (before.isPresent()) {
        repeat(job, before.get(), request.replyTo(), outage);
      } else if (hit.isPresent()) {
        answer(job, hit.get(), request.replyTo());
      } else {
        enqueue(job, request.replyTo(), outage);
      }
    } catch (RequestException e) {
      throw new Front.RefusedException(id, streamed, e);
    } catch (RuntimeException e) {
      LOG.error("request {} hit a fault", id, e);
      throw new Front.RefusedException(id, streamed, Front.fault(id, e));
    }
  }

  private void answer(Job job, BuildReply reply, String replyTo) {
    BuildStatus status =
        job.status(
            BuildState.COMPLETED,
            "done",
            100,
            "was built before",
            pool.settings().worker(),
            0,
            reply,
            null);
    if (job.request().reply() == ReplyMode.ACCEPTED) {
      accepted(status, replyTo);
    } else if (!pool.replies().result(job, reply)) {
      LOG.warn("build {}: its requester hears nothing", job.id());
    }
    pool.figures().countHit();
    pool.records().note(BuildRecords.buildKey(job.id()), status);
    new BuildEvents(pool, job, 0).completed(reply);
    LOG.info(
        "build {} of {} for {}: {} was there, {} ms",
        job.id(),
        job.request().image(),
        job.namespace(),
        reply.location(),
        reply.durations().get("total"));
  }

  /**
   * The same request once more, of somebody who has heard nothing of it: who took it may have died
   * with it. It is answered if it has ended, and put into the queue if it is not there.
   */
  private void repeat(Job job, BuildStatus before, String replyTo, Outage outage)
      throws RequestException {
    if (!before.namespace().equals(job.namespace())
        || !before.fingerprint().equals(job.fingerprint())) {
      throw used(job.id());
    }
    Optional<JobQueue.Head> head =
        before.state().isLast() && !wasPutOff(before)
            ? Optional.empty()
            : outage.sitOut(
                () -> pool.queue().findRequest(job.namespace(), job.fingerprint(), job.id()));
    if (head.isPresent()) {
      if (!head.get().replyTo().equals(Optional.ofNullable(job.replyTo()))) {
        throw used(job.id());
      }
      LOG.info("build {} is asked for again, and is under way", job.id());
      BuildStatus known = wasPutOff(before) ? queued(job) : before;
      if (wasPutOff(before)) {
        // It came into the queue, though nobody could tell then.
        outage.sitOut(() -> pool.records().put(BuildRecords.buildKey(job.id()), known));
      }
      if (job.request().reply() == ReplyMode.ACCEPTED) {
        accepted(known, replyTo);
      }
      return;
    }
    // It may have ended between the two looks.
    BuildStatus now = outage.sitOut(() -> pool.records().status(job.id())).orElse(before);
    if (!now.state().isLast()) {
      LOG.info("build {} is asked for again, and was not queued", job.id());
      offer(job, now, replyTo, outage);
    } else if (wasPutOff(now)) {
      LOG.info("build {} is asked for again, as it was told", job.id());
      BuildStatus anew = queued(job);
      outage.sitOut(() -> pool.records().put(BuildRecords.buildKey(job.id()), anew));
      offer(job, anew, replyTo, outage);
    } else if (job.request().reply() == ReplyMode.ACCEPTED) {
      accepted(now, replyTo);
    } else if (now.error() != null) {
      throw RequestException.of(now.error());
    } else if (now.reply() == null || !pool.replies().result(job, now.reply())) {
      LOG.warn("build {}: its requester hears nothing", job.id());
    }
  }

  private static BuildStatus queued(Job job) {
    return job.status(BuildState.QUEUED, "queued", 0, "waiting for a slot", null, 0, null, null);
  }

  /** Whether it never came into the queue, and its requester was told to come again. */
  private static boolean wasPutOff(BuildStatus ended) {
    ErrorBody.Detail error = ended.error();
    return error != null && PUT_OFF.contains(error.code()) && ended.phase().equals("queued");
  }

  private void enqueue(Job job, String replyTo, Outage outage) throws RequestException {
    pool.queue().checkSize(job);
    BuildStatus status = queued(job);
    if (!outage.sitOut(() -> pool.records().create(status))) {
      BuildStatus other =
          outage.sitOut(() -> pool.records().status(job.id())).orElseThrow(() -> used(job.id()));
      repeat(job, other, replyTo, outage);
      return;
    }
    offer(job, status, replyTo, outage);
  }

  private void offer(Job job, BuildStatus status, String replyTo, Outage outage)
      throws RequestException {
    BuildEvents events = new BuildEvents(pool, job, 0);
    events.queued();
    try {
      boolean joins = outage.sitOut(() -> joins(job));
      LOG.info(
          "build {} of {} for {} is queued{}",
          job.id(),
          job.request().image(),
          job.namespace(),
          joins ? " behind the same" : "");
    } catch (RequestException e) {
      refused(job, events, e);
      throw e;
    } catch (RuntimeException e) {
      refused(job, events, Front.fault(job.id(), e));
      throw e;
    }
    if (job.request().reply() == ReplyMode.ACCEPTED) {
      accepted(status, replyTo);
    }
    queued.watch(job, events);
  }

  private void refused(Job job, BuildEvents events, RequestException failure) {
    events.failed(failure);
    ErrorBody.Detail detail = ErrorBody.of(failure, job.id()).error();
    pool.records()
        .note(
            BuildRecords.buildKey(job.id()),
            job.status(BuildState.FAILED, "queued", 0, failure.line(), null, 0, null, detail));
  }

  /** Puts the job into the queue; whether behind the same of another. */
  private boolean joins(Job job) throws RequestException {
    boolean joins = pool.queue().offer(job) == JobQueue.Admission.SAME_IS_QUEUED;
    if (joins) {
      pool.queue().wait(job);
    }
    return joins;
  }

  private void accepted(BuildStatus status, String replyTo) {
    Headers headers = new Headers().add(Subjects.BUILD_ID_HEADER, status.id());
    if (!pool.replies().last(status.id(), replyTo, false, headers, Protocol.write(status))) {
      LOG.warn("build {}: its requester does not hear that it was accepted", status.id());
    }
  }

  private static boolean isChosen(@Nullable Headers headers) {
    return headers != null && headers.containsKey(Subjects.BUILD_ID_HEADER);
  }

  /** The record of an id is what workers go by: a second request must not write into it. */
  private static RequestException used(String id) {
    return new RequestException(
        ErrorCode.INVALID_FIELD,
        Subjects.BUILD_ID_HEADER + ": " + id + " was used before; choose another");
  }

  /** The id that the requester chose, so that it can watch from the first event; else a new one. */
  private static String buildId(@Nullable Headers headers) throws RequestException {
    String proposed = headers == null ? null : headers.getFirst(Subjects.BUILD_ID_HEADER);
    if (proposed == null) {
      return NUID.nextGlobal();
    }
    if (!Subjects.isBuildId(proposed)) {
      throw new RequestException(
          ErrorCode.INVALID_FIELD,
          Subjects.BUILD_ID_HEADER
              + ": not 16 to 32 letters and digits; leave it out for a new one");
    }
    return proposed;
  }
}
