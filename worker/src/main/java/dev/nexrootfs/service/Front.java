package dev.nexrootfs.service;

import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.NUID;
import io.nats.client.impl.Headers;
import io.nats.service.ServiceMessage;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way in: requests of every endpoint come through here, are checked for a reply subject, and
 * are answered by a few threads, so that no request waits in the client for another one's answer.
 */
final class Front {
  private static final Logger LOG = LoggerFactory.getLogger(Front.class);

  /** The server's default max_payload; a request refers to what is larger. */
  private static final int MAX_REQUEST_BYTES = 1 << 20;

  private static final int THREADS = 8;
  private static final int QUEUE = 1024;
  private static final long BUSY_RETRY_MILLIS = 1000;
  private static final Duration DRAIN = Duration.ofSeconds(5);
  private static final Pattern NAMESPACE = Pattern.compile("[A-Za-z0-9_-]{1,64}");

  private final Connection front;
  private final ServiceSettings settings;
  private final Replies replies;
  private final Figures figures;
  private final Dispatcher dispatcher;
  private final ThreadPoolExecutor threads =
      new ThreadPoolExecutor(
          THREADS,
          THREADS,
          0,
          TimeUnit.SECONDS,
          new ArrayBlockingQueue<>(QUEUE),
          task -> new Thread(task, "front"));

  Front(Connection front, ServiceSettings settings, Replies replies, Figures figures) {
    this.front = front;
    this.settings = settings;
    this.replies = replies;
    this.figures = figures;
    this.dispatcher = front.createDispatcher();
  }

  /**
   * One request.
   *
   * @param namespace the requester's, where its account says so in the subject
   */
  record Request(
      String replyTo, @Nullable Headers headers, byte[] json, Optional<String> namespace) {}

  /** Answers the requests of an endpoint. */
  @FunctionalInterface
  interface Handler {
    /** Answers, or throws what is to be answered. */
    void answer(Request request) throws RequestException;
  }

  /** A failure of a request that has an id already. */
  static final class RefusedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String id;
    private final boolean streamed;
    private final transient RequestException failure;

    RefusedException(String id, boolean streamed, RequestException failure) {
      super(failure);
      this.id = id;
      this.streamed = streamed;
      this.failure = failure;
    }
  }

  Dispatcher dispatcher() {
    return dispatcher;
  }

  /** Takes a request of the endpoint at {@code subject}, or of {@code subject.NAMESPACE}. */
  void onMessage(ServiceMessage message, String subject, Handler handler) {
    String replyTo = message.getReplyTo();
    if (replyTo == null || !settings.isInbox(replyTo)) {
      LOG.warn(
          "{}: request on {} {}; it is ignored",
          ErrorCode.INVALID_REPLY_SUBJECT,
          message.getSubject(),
          replyTo == null
              ? "has no reply subject"
              : "asks for a reply to \"" + Replies.shown(replyTo) + "\", which is no inbox");
      return;
    }
    String own = message.getSubject();
    Optional<String> namespace =
        own.length() > subject.length()
            ? Optional.of(own.substring(subject.length() + 1))
            : Optional.empty();
    Request request = new Request(replyTo, message.getHeaders(), message.getData(), namespace);
    try {
      threads.execute(new Answer(this, request, handler));
    } catch (RejectedExecutionException e) {
      refuse(
          NUID.nextGlobal(),
          request,
          false,
          RequestException.retryAfter(
              ErrorCode.BUSY,
              "worker " + settings.worker() + " has " + QUEUE + " requests to look at; ask again",
              BUSY_RETRY_MILLIS));
    }
  }

  /** A request that waits for a thread, or has one. */
  private record Answer(Front front, Request request, Handler handler) implements Runnable {
    @Override
    public void run() {
      front.answer(request, handler);
    }
  }

  private void answer(Request request, Handler handler) {
    try {
      check(request);
      handler.answer(request);
    } catch (RefusedException e) {
      refuse(e.id, request, e.streamed, e.failure);
    } catch (RequestException e) {
      refuse(NUID.nextGlobal(), request, false, e);
    } catch (RuntimeException e) {
      String id = NUID.nextGlobal();
      LOG.error("request {} hit a fault", id, e);
      refuse(id, request, false, fault(id, e));
    }
  }

  static RequestException fault(String id, RuntimeException e) {
    return new RequestException(
        ErrorCode.INTERNAL, "a fault of the worker; its log has the details of " + id, e);
  }

  private static void check(Request request) throws RequestException {
    if (request.json().length > MAX_REQUEST_BYTES) {
      throw new RequestException(
          ErrorCode.PAYLOAD_TOO_LARGE,
          "the request has "
              + request.json().length
              + " bytes, more than "
              + MAX_REQUEST_BYTES
              + "; put agent, script and files into a bucket and name them as nats://BUCKET/object");
    }
    if (request.namespace().filter(name -> !NAMESPACE.matcher(name).matches()).isPresent()) {
      throw new RequestException(
          ErrorCode.INVALID_FIELD, "the subject's last part is no namespace: " + NAMESPACE);
    }
  }

  private void refuse(String id, Request request, boolean streamed, RequestException failure) {
    LOG.info("request {} refused: {} {}", id, failure.code(), failure.line());
    figures.countRefused();
    // A thread that was told to stop has this one thing left to do, and the client would not do it.
    boolean interrupted = Thread.interrupted();
    if (!replies.failure(id, request.replyTo(), streamed, failure)) {
      LOG.warn("request {}: its requester hears nothing", id);
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Leaves the queue group; every request that has come is answered or queued. */
  void close() throws InterruptedException {
    if (front.getStatus() == Connection.Status.CONNECTED) {
      CompletableFuture<Boolean> drained = dispatcher.drain(DRAIN);
      try {
        drained.get(DRAIN.toMillis() * 2, TimeUnit.MILLISECONDS);
      } catch (ExecutionException | TimeoutException e) {
        LOG.warn("the subscriptions did not drain: {}", e.toString());
      }
    }
    threads.shutdown();
    if (threads.awaitTermination(DRAIN.toMillis() * 2, TimeUnit.MILLISECONDS)) {
      return;
    }
    // JetStream is away: another worker may see it sooner.
    RequestException draining =
        RequestException.retryAfter(
            ErrorCode.DRAINING,
            "worker " + settings.worker() + " is stopping; ask again",
            BUSY_RETRY_MILLIS);
    List<Runnable> waiting = threads.shutdownNow();
    // Where the requesters cannot be reached either, the builds are not to wait for that.
    ExecutorService refusals =
        Executors.newSingleThreadExecutor(
            task -> {
              Thread thread = new Thread(task, "front-refusals");
              thread.setDaemon(true);
              return thread;
            });
    refusals.execute(
        () -> {
          for (Runnable one : waiting) {
            if (one instanceof Answer answer && front.getStatus() == Connection.Status.CONNECTED) {
              refuse(NUID.nextGlobal(), answer.request(), false, draining);
            }
          }
        });
    refusals.shutdown();
    if (!threads.awaitTermination(DRAIN.toMillis(), TimeUnit.MILLISECONDS)
        || !refusals.awaitTermination(DRAIN.toMillis(), TimeUnit.MILLISECONDS)) {
      LOG.warn("not all of {} requests that waited are answered", waiting.size());
    }
  }
}
