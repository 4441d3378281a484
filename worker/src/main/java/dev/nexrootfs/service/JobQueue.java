package dev.nexrootfs.service;

import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.RequestException;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.Message;
import io.nats.client.Subscription;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.ConsumerInfo;
import io.nats.client.api.MessageInfo;
import io.nats.client.api.StreamInfoOptions;
import io.nats.client.impl.NatsMessage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
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
  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final long ENQUEUE_NANOS = TimeUnit.SECONDS.toNanos(60);
  private static final long ENQUEUE_PAUSE_MILLIS = 500;
  private static final long BUSY_RETRY_MILLIS = 5000;

  /** Longer than any build may take: a namespace's consumer outlives its last job. */
  private static final Duration IDLE_CONSUMER = Duration.ofHours(3);

  private static final int NO_RESPONDERS = 503;
  private static final int CONSUMER_NOT_FOUND = 10_014;
  private static final int MAX_CONSUMERS = 10_026;
  private static final int NO_MESSAGE_FOUND = 10_037;
  private static final int STREAM_NOT_FOUND = 10_059;
  private static final int STORE_FAILED = 10_077;

  private static final byte[] ONE =
      "{\"batch\":1,\"no_wait\":true}".getBytes(StandardCharsets.UTF_8);

  /**
   * For a consumer with a limit: at its limit, a question that does not expire waits, and brings a
   * message when nobody has a slot for it any more.
   */
  private static final byte[] ONE_SOON =
      "{\"batch\":1,\"no_wait\":true,\"expires\":200000000}".getBytes(StandardCharsets.UTF_8);

  private static final byte[] ACK = "+ACK".getBytes(StandardCharsets.UTF_8);
  private static final byte[] IN_PROGRESS = "+WPI".getBytes(StandardCharsets.UTF_8);

  private final Connection store;
  private final PoolSettings settings;
  private final String jobs;
  private final Set<String> namespaces = new LinkedHashSet<>();
  private final Semaphore news = new Semaphore(0);
  private final String inbox;
  private final Subscription answers;
  private volatile boolean mayHaveWaiting = true;
  private long questions;

  JobQueue(Connection store, PoolSettings settings, String jobs) {
    this.store = store;
    this.settings = settings;
    this.jobs = jobs;
    this.inbox = store.createInbox();
    this.answers = store.subscribe(inbox + ".*");
  }

  /**
   * A job that this worker answers for until it is done or handed back.
   *
   * @param job what to do
   * @param message where it lies
   * @param ackSubject where the server is told
   * @param sequence its place in the stream
   * @param queuedAt when the server took it
   */
  record Delivery(Job job, Message message, String ackSubject, long sequence, Instant queuedAt) {}

  /** What became of a job that was offered. */
  enum Admission {
    /** It is in the queue. */
    QUEUED,
    /** The same is in the queue already, or being built. */
    SAME_IS_QUEUED
  }

  /** Hears of new jobs: the stream's subjects are plain subjects, too. */
  void listen() {
    store
        .createDispatcher(
            message -> {
              String[] tokens = message.getSubject().substring(jobs.length() + 1).split("\\.", -1);
              if (tokens[0].equals("build") && tokens.length == 3) {
                offerNamespace(tokens[1]);
              } else {
                mayHaveWaiting = true;
              }
              news.release();
            })
        .subscribe(jobs + ".>");
  }

  /** Waits until there may be something to do. */
  void awaitNews(Duration longest) throws InterruptedException {
    if (news.tryAcquire(longest.toMillis(), TimeUnit.MILLISECONDS)) {
      news.drainPermits();
    } else {
      mayHaveWaiting = true;
      refresh();
    }
  }

  /** There may be something to do, or a slot for it. */
  void wake() {
    news.release();
  }

  private void offerNamespace(String namespace) {
    synchronized (namespaces) {
      namespaces.add(namespace);
    }
  }

  /** Which namespaces have jobs; those that were handed back are announced by nobody. */
  private void refresh() {
    String build = jobs + ".build.";
    try {
      management()
          .getStreamInfo(settings.stream(), StreamInfoOptions.filterSubjects(build + ">"))
          .getStreamState()
          .getSubjectMap()
          .keySet()
          .forEach(
              subject -> offerNamespace(subject.substring(build.length()).split("\\.", -1)[0]));
    } catch (IOException | JetStreamApiException | IllegalStateException e) {
      LOG.debug("the jobs cannot be listed: {}", e.getMessage());
    }
  }

  /**
   * Puts a job into the queue. Where JetStream is away it waits a minute for it.
   *
   * @throws RequestException {@code BUSY}, {@code NO_QUEUE}, {@code NO_JETSTREAM} or {@code
   *     STORE_FAILED}
   */
  Admission offer(Job job) throws RequestException {
    String subject = buildSubject(job);
    long deadline = System.nanoTime() + ENQUEUE_NANOS;
    while (true) {
      try {
        long queued = lane(job.namespace()).getNumPending();
        if (queued >= settings.queuedPerNamespace()) {
          throw busy(
              "namespace " + job.namespace() + " has " + queued + " builds waiting, its limit");
        }
        store.jetStream().publish(message(subject, job));
        return Admission.QUEUED;
      } catch (JetStreamApiException e) {
        if (e.getApiErrorCode() == STORE_FAILED
            && String.valueOf(e.getMessage()).contains("per subject")) {
          // It may be ours, where an earlier answer was lost.
          boolean ours = find(subject).filter(head -> head.id().equals(job.id())).isPresent();
          return ours ? Admission.QUEUED : Admission.SAME_IS_QUEUED;
        }
        throw refused(e);
      } catch (IOException e) {
        pause(e, deadline);
      }
    }
  }

  /** Puts a requester of something that is in the queue already behind it. */
  void wait(Job job) throws RequestException {
    long deadline = System.nanoTime() + ENQUEUE_NANOS;
    while (true) {
      try {
        store.jetStream().publish(message(waitSubject(job), job));
        return;
      } catch (JetStreamApiException e) {
        if (e.getApiErrorCode() == STORE_FAILED
            && String.valueOf(e.getMessage()).contains("per subject")) {
          return; // an earlier try, whose answer was lost
        }
        throw refused(e);
      } catch (IOException e) {
        pause(e, deadline);
      }
    }
  }

  private void pause(IOException e, long deadline) throws RequestException {
    if (!store.getServerInfo().isJetStreamAvailable()) {
      throw new RequestException(
          ErrorCode.NO_JETSTREAM,
          "the NATS server has no JetStream; enable it (nats-server -js)",
          e);
    }
    if (System.nanoTime() > deadline) {
      throw new RequestException(
          ErrorCode.STORE_FAILED, "the queue cannot be reached: " + e.getMessage(), e);
    }
    try {
      Thread.sleep(ENQUEUE_PAUSE_MILLIS);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new RequestException(
          ErrorCode.DRAINING, "worker " + settings.worker() + " is stopping; ask again", e);
    }
  }

  private RequestException refused(JetStreamApiException e) {
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

  /** The consumer of a namespace. */
  private ConsumerInfo lane(String namespace) throws IOException, JetStreamApiException {
    return consumer(
        "ns-" + namespace, jobs + ".build." + namespace + ".>", settings.runningPerNamespace());
  }

  private ConsumerInfo consumer(String name, String filter, long running)
      throws IOException, JetStreamApiException {
    try {
      return management().getConsumerInfo(settings.stream(), name);
    } catch (JetStreamApiException e) {
      if (e.getApiErrorCode() != CONSUMER_NOT_FOUND) {
        throw e;
      }
      return management()
          .addOrUpdateConsumer(
              settings.stream(),
              ConsumerConfiguration.builder()
                  .durable(name)
                  .filterSubject(filter)
                  .ackPolicy(AckPolicy.Explicit)
                  .ackWait(ACK_WAIT)
                  .maxAckPending(running)
                  .inactiveThreshold(IDLE_CONSUMER)
                  .build());
    }
  }

  /** The next job to build, the namespaces in turn; empty where there is none now. */
  Optional<Delivery> next() {
    List<String> turn;
    synchronized (namespaces) {
      turn = new ArrayList<>(namespaces);
    }
    for (String namespace : turn) {
      synchronized (namespaces) {
        // Before the question: whoever comes after it adds it again.
        namespaces.remove(namespace);
      }
      String filter = jobs + ".build." + namespace + ".>";
      Optional<Delivery> delivery = pull("ns-" + namespace, filter, settings.runningPerNamespace());
      if (delivery.isPresent()) {
        offerNamespace(namespace); // behind the others
        return delivery;
      }
    }
    return Optional.empty();
  }

  /** The next requester who waits for something that others have asked for. */
  Optional<Delivery> nextWaiting() {
    if (!mayHaveWaiting) {
      return Optional.empty();
    }
    mayHaveWaiting = false;
    Optional<Delivery> delivery = pull(WAITING, jobs + ".wait.>", -1);
    mayHaveWaiting = mayHaveWaiting || delivery.isPresent();
    return delivery;
  }

  private Optional<Delivery> pull(String consumer, String filter, long running) {
    try {
      byte[] question = running < 0 ? ONE : ONE_SOON;
      Optional<Message> message = pull(consumer, question);
      if (message.isPresent() && isNobody(message.get())) {
        consumer(consumer, filter, running);
        message = pull(consumer, question);
      }
      return message.filter(found -> !found.isStatusMessage()).flatMap(this::delivery);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    } catch (IOException | JetStreamApiException | IllegalStateException e) {
      LOG.debug("nothing from {}: {}", consumer, e.getMessage());
      return Optional.empty();
    }
  }

  /**
   * Asks for one message. A message comes with the subject under which it lies in the stream, a
   * status with the subject that was asked from; so an answer that is late is told from another
   * question's, and a message that is late is as good as any.
   */
  private Optional<Message> pull(String consumer, byte[] what) throws InterruptedException {
    String question = inbox + "." + ++questions;
    store.publish(
        "$JS.API.CONSUMER.MSG.NEXT." + settings.stream() + "." + consumer, question, what);
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      Message message = answers.nextMessage(Duration.ofNanos(deadline - System.nanoTime()));
      if (message == null) {
        return Optional.empty();
      }
      if (!message.isStatusMessage() || message.getSubject().equals(question)) {
        return Optional.of(message);
      }
    }
  }

  /** There is no such consumer yet, or no more. */
  private static boolean isNobody(Message message) {
    return message.isStatusMessage() && message.getStatus().getCode() == NO_RESPONDERS;
  }

  private Optional<Delivery> delivery(Message message) {
    String ackSubject = message.getReplyTo();
    try {
      return Optional.of(
          new Delivery(
              Job.read(message.getHeaders(), message.getData()),
              message,
              ackSubject,
              message.metaData().streamSequence(),
              message.metaData().timestamp().toInstant()));
    } catch (RequestException e) {
      LOG.error(
          "the message on {} is no job and is taken out of the queue: {}",
          message.getSubject(),
          e.line());
      store.publish(ackSubject, ACK);
      return Optional.empty();
    }
  }

  /** Tells the server that the job is being worked on. */
  void extend(Delivery delivery) {
    tell(delivery, IN_PROGRESS);
  }

  /** Takes the job out of the queue: it is answered. */
  void done(Delivery delivery) {
    tell(delivery, ACK);
  }

  /** Gives the job to whoever comes next. */
  void handBack(Delivery delivery, Duration delay) {
    String nak = delay.isZero() ? "-NAK" : "-NAK {\"delay\":" + delay.toNanos() + "}";
    tell(delivery, nak.getBytes(StandardCharsets.UTF_8));
  }

  private void tell(Delivery delivery, byte[] what) {
    try {
      store.publish(delivery.ackSubject(), what);
    } catch (IllegalStateException e) {
      LOG.warn("job {}: the server could not be told: {}", delivery.job().id(), e.getMessage());
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

  Optional<Head> findWaiting(String namespace, String fingerprint, String id)
      throws RequestException {
    return find(jobs + ".wait." + namespace + "." + fingerprint + "." + id);
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
      throw new RequestException(
          ErrorCode.STORE_FAILED, "the queue cannot be reached: " + e.getMessage(), e);
    }
  }

  /** Whether others wait for the result of {@code job}. */
  boolean hasWaiting(Job job) {
    String subjects = jobs + ".wait." + job.namespace() + "." + job.fingerprint() + ".>";
    try {
      return !management()
          .getStreamInfo(settings.stream(), StreamInfoOptions.filterSubjects(subjects))
          .getStreamState()
          .getSubjectMap()
          .isEmpty();
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
      throw new RequestException(
          ErrorCode.STORE_FAILED, "the queue cannot be reached: " + e.getMessage(), e);
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
