package dev.nexrootfs.service;

import dev.nexrootfs.build.RootfsBuild;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.Subjects;
import io.nats.client.Connection;
import io.nats.client.NUID;
import io.nats.client.impl.Headers;
import io.nats.service.ServiceMessage;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The endpoint {@code build}. Its handler runs on the dispatcher's thread, so it validates and
 * queues; building is the slots' work.
 */
final class BuildEndpoint {
  private static final Logger LOG = LoggerFactory.getLogger(BuildEndpoint.class);

  /** The server's default max_payload; a request refers to what is larger. */
  private static final int MAX_REQUEST_BYTES = 1 << 20;

  private static final long BUSY_RETRY_MILLIS = 5000;

  /** Another worker can answer at once, where there is one. */
  private static final long DRAINING_RETRY_MILLIS = 500;

  private final Connection front;
  private final ServiceSettings settings;
  private final RootfsBuild build;
  private final BucketSink sink;
  private final BuildSlots slots;
  private final Set<Job> open = ConcurrentHashMap.newKeySet();

  BuildEndpoint(
      Connection front,
      ServiceSettings settings,
      RootfsBuild build,
      BucketSink sink,
      BuildSlots slots) {
    this.front = front;
    this.settings = settings;
    this.build = build;
    this.sink = sink;
    this.slots = slots;
  }

  /** One request that is being answered. */
  private record Job(String id, String replyTo, BuildRequest request, BuildEvents events) {}

  void onMessage(ServiceMessage message) {
    String replyTo = message.getReplyTo();
    if (replyTo == null || !settings.isInbox(replyTo)) {
      LOG.warn(
          "{}: request on {} asks for a reply to \"{}\", which is no inbox; it is ignored",
          ErrorCode.INVALID_REPLY_SUBJECT,
          message.getSubject(),
          replyTo);
      return;
    }
    String id = buildId(message.getHeaders());
    try {
      accept(id, replyTo, message.getData());
    } catch (RequestException e) {
      LOG.info("build {} refused: {} {}", id, e.code(), e.line());
      slots.countRefused();
      replyError(replyTo, id, e);
    }
  }

  private void accept(String id, String replyTo, byte[] json) throws RequestException {
    if (json.length > MAX_REQUEST_BYTES) {
      throw new RequestException(
          ErrorCode.PAYLOAD_TOO_LARGE,
          "the request has "
              + json.length
              + " bytes, more than "
              + MAX_REQUEST_BYTES
              + "; put agent, script and files into a bucket and name them as nats://BUCKET/object");
    }
    BuildRequest request = Protocol.readRequest(json);
    build.admit(request);
    BuildEvents events = new BuildEvents(front, settings.worker(), id, request);
    Job job = new Job(id, replyTo, request, events);
    if (slots.isDraining()) {
      throw RequestException.retryAfter(
          ErrorCode.DRAINING,
          "worker " + settings.worker() + " is stopping; ask again",
          DRAINING_RETRY_MILLIS);
    }
    events.queued();
    open.add(job);
    try {
      slots.submit(() -> run(job));
    } catch (RejectedExecutionException e) {
      open.remove(job);
      RequestException busy =
          RequestException.retryAfter(
              ErrorCode.BUSY,
              "worker "
                  + settings.worker()
                  + " has "
                  + settings.slots()
                  + " builds running and "
                  + settings.queue()
                  + " waiting; ask again",
              BUSY_RETRY_MILLIS);
      events.failed(busy);
      throw busy;
    }
  }

  private void run(Job job) {
    try {
      job.events().started();
      BuildReply reply = build.run(job.id(), job.request(), sink, job.events());
      slots.countBuilt(reply);
      job.events().completed(reply);
      LOG.info(
          "build {} of {}: {} {} {} bytes, cached {}, ms {}",
          job.id(),
          job.request().image(),
          reply.location(),
          reply.digest(),
          reply.size(),
          reply.cached(),
          reply.durations());
      Headers headers =
          new Headers()
              .add(Subjects.BUILD_ID_HEADER, reply.id())
              .add(Subjects.DIGEST_HEADER, reply.digest())
              .add(Subjects.LOCATION_HEADER, reply.location());
      if (open.remove(job)) {
        publish(job.replyTo(), headers, Protocol.write(reply));
      }
    } catch (RequestException e) {
      fail(job, e);
    } catch (RuntimeException | Error e) {
      LOG.error("build {} of {} hit a fault", job.id(), job.request().image(), e);
      fail(
          job,
          new RequestException(
              ErrorCode.INTERNAL,
              "a fault of the worker; its log has the details of build " + job.id(),
              e));
      if (e instanceof VirtualMachineError fatal) {
        throw fatal;
      }
    }
  }

  private void fail(Job job, RequestException failure) {
    LOG.info(
        "build {} of {} failed: {} {}",
        job.id(),
        job.request().image(),
        failure.code(),
        failure.line());
    slots.countFailed();
    job.events().failed(failure);
    if (open.remove(job)) {
      replyError(job.replyTo(), job.id(), failure);
    }
  }

  /** Answers every request that is not answered yet: the worker ends without having built it. */
  void abandon() {
    RequestException stopped =
        RequestException.retryAfter(
            ErrorCode.DRAINING,
            "worker " + settings.worker() + " stopped before it was built; ask again",
            DRAINING_RETRY_MILLIS);
    for (Job job : open) {
      fail(job, stopped);
    }
  }

  private void replyError(String replyTo, String id, RequestException failure) {
    Headers headers =
        new Headers()
            .add(Subjects.ERROR_HEADER, asciiOf(failure.code() + ": " + failure.line()))
            .add(Subjects.ERROR_CODE_HEADER, Integer.toString(failure.code().number()))
            .add(Subjects.BUILD_ID_HEADER, id);
    publish(replyTo, headers, Protocol.write(ErrorBody.of(failure, id)));
  }

  private void publish(String replyTo, Headers headers, byte[] body) {
    try {
      front.publish(replyTo, headers, body);
    } catch (IllegalStateException | IllegalArgumentException e) {
      LOG.error("the reply to {} is lost: {}", replyTo, e.getMessage());
    }
  }

  /** The id that the requester chose, so that it can watch from the first event; else a new one. */
  private static String buildId(@Nullable Headers headers) {
    String proposed = headers == null ? null : headers.getFirst(Subjects.BUILD_ID_HEADER);
    return proposed != null && proposed.matches("[A-Za-z0-9]{16,32}")
        ? proposed
        : NUID.nextGlobal();
  }

  /** Header values are ASCII. */
  private static String asciiOf(String text) {
    return text.replaceAll("[^\\x20-\\x7E]", "?");
  }
}
