package dev.nexrootfs.service;

import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.store.StorageLimit;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.Message;
import io.nats.client.api.MessageInfo;
import io.nats.client.api.StreamInfoOptions;
import io.nats.client.impl.NatsMessage;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pool's jobs: a work-queue stream with two kinds of messages.
 *
 * <ul>
 *   <li>{@code PREFIX.jobs.build.NAMESPACE.FINGERPRINT}: something to build. The stream takes one
 *       message a subject, so that equal requests are one job by the server's own hand.
 *   <li>{@code PREFIX.jobs.wait.NAMESPACE.FINGERPRINT.ID}: a further requester of the same.
 * </ul>
 *
 * <p>Each namespace has a consumer of its own, from which workers with a free slot pull in turn: so
 * one namespace's hundred builds do not stand before another's one, and the consumer's limit of
 * unacknowledged messages is the namespace's limit of running builds.
 */
final class JobQueue {
  /** A job that nobody has spoken for in this time goes to another worker. */
  static final Duration ACK_WAIT = Duration.ofSeconds(30);

  /** The consumer of those who wait. */
  static final String WAITING = "waiting";

  private static final Logger LOG = LoggerFactory.getLogger(JobQueue.class);
  private static final long BUSY_RETRY_MILLIS = 5000;

  private static final int MAX_CONSUMERS = 10_026;
  private static final int NO_MESSAGE_FOUND = 10_037;
  private static final int STREAM_NOT_FOUND = 10_059;
  private static final int STORE_FAILED = 10_077;

  private final Connection store;
  private final PoolSettings settings;
  private final String jobs;
  private final Lanes lanes;

  JobQueue(Connection store, PoolSettings settings, String jobs) {
    this.store = store;
    this.settings = settings;
    this.jobs = jobs;
    this.lanes = new Lanes(store, settings, jobs);
  }

  /** What became of a job that was offered. */
  enum Admission {
    /** It is in the queue. */
    QUEUED,
    /** The same is in the queue already, or being built. */
    SAME_IS_QUEUED
  }

  /**
   * Puts a job into the queue. To offer it again, where the answer was lost, does no harm.
   *
   * @throws RequestException {@code BUSY}, {@code NO_QUEUE}, {@code NO_JETSTREAM}, {@code
   *     BUCKET_FULL} or {@code STORE_FAILED}
   */
  Admission offer(Job job) throws RequestException {
    try {
      long queued = lanes.open(job.namespace()).getNumPending();
      if (queued < settings.queuedPerNamespace()) {
        store.jetStream().publish(message(buildSubject(job), job));
        return Admission.QUEUED;
      }
      Optional<Head> head = findBuild(job);
      if (head.isEmpty()) {
        throw busy(
            "namespace " + job.namespace() + " has " + queued + " builds waiting, its limit");
      }
      return admission(head, job);
    } catch (JetStreamApiException e) {
      if (isTaken(e)) {
        return admission(findBuild(job), job);
      }
      throw refused(e);
    } catch (IOException e) {
      throw unreachable(e);
    }
  }

  /** It may be ours, where an earlier answer was lost. */
  private static Admission admission(Optional<Head> head, Job job) {
    boolean ours = head.filter(found -> found.id().equals(job.id())).isPresent();
    return ours ? Admission.QUEUED : Admission.SAME_IS_QUEUED;
  }

  /** Puts a requester of something that is in the queue already behind it. */
  void wait(Job job) throws RequestException {
    try {
      int waiting = waitingIn(jobs + ".wait." + job.namespace() + ".>");
      if (waiting >= settings.queuedPerNamespace()) {
        throw busy(
            "namespace " + job.namespace() + " has " + waiting + " requests waiting, its limit");
      }
      store.jetStream().publish(message(waitSubject(job), job));
    } catch (JetStreamApiException e) {
      if (!isTaken(e)) { // else by an earlier try, whose answer was lost
        throw refused(e);
      }
    } catch (IOException e) {
      throw unreachable(e);
    }
  }

  private static boolean isTaken(JetStreamApiException e) {
    return e.getApiErrorCode() == STORE_FAILED
        && String.valueOf(e.getMessage()).contains("per subject");
  }

  private int waitingIn(String subjects) throws IOException, JetStreamApiException {
    return management()
        .getStreamInfo(settings.stream(), StreamInfoOptions.filterSubjects(subjects))
        .getStreamState()
        .getSubjectMap()
        .size();
  }

  private RequestException unreachable(IOException e) {
    if (!store.getServerInfo().isJetStreamAvailable()) {
      return new RequestException(
          ErrorCode.NO_JETSTREAM,
          "the NATS server has no JetStream; enable it (nats-server -js)",
          e);
    }
    return new RequestException(
        ErrorCode.STORE_FAILED, "the queue cannot be reached: " + e.getMessage(), e);
  }

  private RequestException refused(JetStreamApiException e) {
    if (StorageLimit.isReached(e)) {
      return new RequestException(
          ErrorCode.BUCKET_FULL,
          "the queue takes no more: " + e.getMessage() + "; " + StorageLimit.REMEDY,
          e);
    }
    return switch (e.getApiErrorCode()) {
      case STREAM_NOT_FOUND ->
          new RequestException(
              ErrorCode.NO_QUEUE,
              "the stream "
                  + settings.stream()
                  + " does not exist; an administrator makes it with nex-rootfs setup",
              e);
      case STORE_FAILED -> busy("the pool's queue is full");
      case MAX_CONSUMERS -> busy("too many namespaces have builds");
      default ->
          new RequestException(
              ErrorCode.STORE_FAILED, "the queue refused the request: " + e.getMessage(), e);
    };
  }

  private static RequestException busy(String what) {
    return RequestException.retryAfter(ErrorCode.BUSY, what + "; ask again", BUSY_RETRY_MILLIS);
  }

  private static Message message(String subject, Job job) {
    return NatsMessage.builder()
        .subject(subject)
        .headers(job.headers())
        .data(Protocol.write(job.request()))
        .build();
  }

  /**
   * Checks that the server would take the job's message: it has every default in it, and headers,
   * and is larger than what was asked.
   *
   * @throws RequestException {@code PAYLOAD_TOO_LARGE}
   */
  void checkSize(Job job) throws RequestException {
    long bytes = job.headers().serializedLength() + (long) Protocol.write(job.request()).length;
    long most = store.getServerInfo().getMaxPayload();
    if (bytes > most) {
      throw new RequestException(
          ErrorCode.PAYLOAD_TOO_LARGE,
          "the request has "
              + bytes
              + " bytes with what the queue adds, more than the server's max_payload of "
              + most
              + "; put agent, script and files into a bucket and name them as nats://BUCKET/object");
    }
  }

  /**
   * A job in the stream.
   *
   * @param id its build id
   * @param replyTo who waits; empty for nobody
   * @param streamed whether it wants to hear how the build goes
   * @param sequence its place
   */
  record Head(String id, Optional<String> replyTo, boolean streamed, long sequence) {}

  /** The job of this fingerprint, queued or being built. */
  Optional<Head> findBuild(Job job) throws RequestException {
    return find(buildSubject(job));
  }

  Optional<Head> findBuild(String namespace, String fingerprint) throws RequestException {
    return find(jobs + ".build." + namespace + "." + fingerprint);
  }

  /** The request {@code id}, to be built for itself or waiting for the same of another. */
  Optional<Head> findRequest(String namespace, String fingerprint, String id)
      throws RequestException {
    Optional<Head> head = findBuild(namespace, fingerprint).filter(found -> found.id().equals(id));
    return head.isPresent()
        ? head
        : find(jobs + ".wait." + namespace + "." + fingerprint + "." + id);
  }

  private Optional<Head> find(String subject) throws RequestException {
    try {
      MessageInfo last = management().getLastMessage(settings.stream(), subject);
      Job job = Job.read(last.getHeaders(), last.getData());
      return Optional.of(
          new Head(job.id(), Optional.ofNullable(job.replyTo()), job.isStreamed(), last.getSeq()));
    } catch (JetStreamApiException e) {
      if (e.getApiErrorCode() == NO_MESSAGE_FOUND) {
        return Optional.empty();
      }
      throw refused(e);
    } catch (IOException e) {
      throw unreachable(e);
    }
  }

  /** Whether others wait for the result of {@code job}. */
  boolean hasWaiting(Job job) {
    try {
      return waitingIn(jobs + ".wait." + job.namespace() + "." + job.fingerprint() + ".>") > 0;
    } catch (IOException | JetStreamApiException e) {
      LOG.warn("job {}: nobody can tell who waits for it: {}", job.id(), e.getMessage());
      return true;
    }
  }

  /** Takes a job out that nobody has begun; whether it was there. */
  boolean remove(Head head) throws RequestException {
    try {
      return management().deleteMessage(settings.stream(), head.sequence(), false);
    } catch (JetStreamApiException e) {
      return false;
    } catch (IOException e) {
      throw unreachable(e);
    }
  }

  private String buildSubject(Job job) {
    return jobs + ".build." + job.namespace() + "." + job.fingerprint();
  }

  private String waitSubject(Job job) {
    return jobs + ".wait." + job.namespace() + "." + job.fingerprint() + "." + job.id();
  }

  private JetStreamManagement management() throws IOException {
    return store.jetStreamManagement();
  }
}
