package dev.nexrootfs.service;

import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.Subjects;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.Message;
import io.nats.client.Subscription;
import io.nats.client.api.StreamInfoOptions;
import io.nats.client.impl.Headers;
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
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What this worker takes out of the pool's queue, and what it tells the server of it. It asks with
 * every namespace in turn, and only where it has room: nothing lies here that another worker could
 * do.
 */
final class JobIntake {
  private static final Logger LOG = LoggerFactory.getLogger(JobIntake.class);
  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final int NO_RESPONDERS = 503;

  /** How long a job that this version cannot read waits for a worker that can. */
  private static final Duration FOR_OTHERS = Duration.ofMinutes(5);

  private static final Duration OTHERS_TURN = Duration.ofSeconds(2);

  /** Jobs of one namespace that are left to others before another namespace has its turn. */
  private static final int MOST_LEFT = 32;

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
  private final Lanes lanes;
  private final Replies replies;
  private final Set<String> namespaces = new LinkedHashSet<>();
  private final Semaphore news = new Semaphore(0);
  private final String inbox;
  private final Subscription answers;
  private volatile boolean mayHaveWaiting = true;
  private volatile String trouble = "jobs were not looked for yet";
  private long questions;

  JobIntake(Connection store, PoolSettings settings, String jobs, Replies replies) {
    this.replies = replies;
    this.store = store;
    this.settings = settings;
    this.jobs = jobs;
    this.lanes = new Lanes(store, settings, jobs);
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

  /** Looks for the jobs that are there already. */
  void begin() {
    refresh();
  }

  /** Hears of new jobs: the stream's subjects are plain subjects, too. */
  void listen() {
    store.createDispatcher(message -> heard(message.getSubject())).subscribe(jobs + ".>");
  }

  /** There is something under {@code subject}. */
  private void heard(String subject) {
    String[] tokens = subject.substring(jobs.length() + 1).split("\\.", -1);
    if (tokens[0].equals("build") && tokens.length == 3) {
      offerNamespace(tokens[1]);
    } else {
      mayHaveWaiting = true;
    }
    news.release();
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
      store
          .jetStreamManagement()
          .getStreamInfo(settings.stream(), StreamInfoOptions.filterSubjects(build + ">"))
          .getStreamState()
          .getSubjectMap()
          .keySet()
          .forEach(
              subject -> offerNamespace(subject.substring(build.length()).split("\\.", -1)[0]));
      trouble = "";
    } catch (IOException | JetStreamApiException | IllegalStateException e) {
      LOG.debug("the jobs cannot be listed: {}", e.getMessage());
      trouble = "the stream " + settings.stream() + " cannot be used: " + e.getMessage();
    }
  }

  /** Why no job can be taken, as it was when jobs were last looked for; empty where they can. */
  String trouble() {
    return trouble;
  }

  /**
   * The next job to build, the namespaces in turn; empty where there is none now.
   *
   * @param stopping whether none is wanted any more
   */
  Optional<Delivery> next(BooleanSupplier stopping) {
    List<String> turn;
    synchronized (namespaces) {
      turn = new ArrayList<>(namespaces);
    }
    for (String namespace : turn) {
      if (stopping.getAsBoolean()) {
        return Optional.empty();
      }
      synchronized (namespaces) {
        // Before the question: whoever comes after it adds it again.
        namespaces.remove(namespace);
      }
      Optional<Delivery> delivery = pullFrom(namespace);
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
    try {
      Optional<Message> message = pull(JobQueue.WAITING, ".wait.", ONE);
      mayHaveWaiting = mayHaveWaiting || isJob(message);
      return message.flatMap(this::delivery);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    } catch (IllegalStateException e) {
      LOG.debug("nobody who waits: {}", e.getMessage());
      return Optional.empty();
    }
  }

  private Optional<Delivery> pullFrom(String namespace) {
    try {
      Optional<Message> message = pull(Lanes.name(namespace), ".build.", ONE_SOON);
      if (message.isPresent() && isNobody(message.get())) {
        lanes.open(namespace);
        message = pull(Lanes.name(namespace), ".build.", ONE_SOON);
      }
      Optional<Delivery> delivery = message.flatMap(this::delivery);
      // Behind one that was left to others there may be one to take.
      for (int left = 1; isJob(message) && delivery.isEmpty() && left < MOST_LEFT; left++) {
        message = pull(Lanes.name(namespace), ".build.", ONE_SOON);
        delivery = message.flatMap(this::delivery);
      }
      return delivery;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    } catch (IOException | JetStreamApiException | IllegalStateException e) {
      LOG.debug("nothing of {}: {}", namespace, e.getMessage());
      return Optional.empty();
    }
  }

  /**
   * Asks for one message. A message comes with the subject under which it lies in the stream, a
   * status with the subject that was asked from; so an answer that is late is told from another
   * question's. A message that is late is as good as any of its {@code kind}; one of the other kind
   * goes back, for this is not the moment for it.
   */
  private Optional<Message> pull(String consumer, String kind, byte[] what)
      throws InterruptedException {
    String question = inbox + "." + ++questions;
    store.publish(
        "$JS.API.CONSUMER.MSG.NEXT." + settings.stream() + "." + consumer, question, what);
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      Message message = answers.nextMessage(Duration.ofNanos(deadline - System.nanoTime()));
      if (message == null) {
        return Optional.empty();
      }
      if (message.isStatusMessage()) {
        if (message.getSubject().equals(question)) {
          return Optional.of(message);
        }
      } else if (message.getSubject().startsWith(jobs + kind)) {
        return Optional.of(message);
      } else {
        store.publish(message.getReplyTo(), nak(Duration.ZERO));
        heard(message.getSubject());
      }
    }
  }

  private static boolean isJob(Optional<Message> message) {
    return message.isPresent() && !message.get().isStatusMessage();
  }

  /** There is no such consumer yet, or no more. */
  private static boolean isNobody(Message message) {
    return message.isStatusMessage() && message.getStatus().getCode() == NO_RESPONDERS;
  }

  private Optional<Delivery> delivery(Message message) {
    if (message.isStatusMessage()) {
      return Optional.empty();
    }
    trouble = "";
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
      leave(message, e);
      return Optional.empty();
    }
  }

  /**
   * In a pool of two versions the other may have queued it; nobody's job is taken out in the end.
   */
  private void leave(Message message, RequestException e) {
    Headers headers = message.getHeaders();
    String id = headers == null ? null : headers.getFirst(Subjects.BUILD_ID_HEADER);
    Instant late = message.metaData().timestamp().toInstant().plus(FOR_OTHERS);
    if (headers != null && id != null && Instant.now().isBefore(late)) {
      LOG.warn("job {} is left to a worker of the version that queued it: {}", id, e.line());
      store.publish(message.getReplyTo(), nak(OTHERS_TURN));
      return;
    }
    LOG.error(
        "the message on {} is no job and is taken out of the queue: {}",
        message.getSubject(),
        e.line());
    if (headers != null && id != null) {
      String replyTo = headers.getFirst(Subjects.REPLY_TO_HEADER);
      if (!replies.failure(id, replyTo, false, e)) {
        return; // it comes again
      }
    }
    store.publish(message.getReplyTo(), ACK);
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
    tell(delivery, nak(delay));
  }

  private static byte[] nak(Duration delay) {
    String nak = delay.isZero() ? "-NAK" : "-NAK {\"delay\":" + delay.toNanos() + "}";
    return nak.getBytes(StandardCharsets.UTF_8);
  }

  private void tell(Delivery delivery, byte[] what) {
    try {
      store.publish(delivery.ackSubject(), what);
    } catch (IllegalStateException e) {
      LOG.warn("job {}: the server could not be told: {}", delivery.job().id(), e.getMessage());
    }
  }
}
