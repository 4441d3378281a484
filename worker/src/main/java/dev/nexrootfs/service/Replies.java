package dev.nexrootfs.service;

import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.Subjects;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.impl.Headers;
import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers on the front connection, to inboxes only. An answer is sent when the server has it: a
 * connection that is away is waited for.
 */
final class Replies {
  private static final Logger LOG = LoggerFactory.getLogger(Replies.class);
  private static final Duration FLUSH = Duration.ofSeconds(5);
  private static final long AWAY_NANOS = TimeUnit.SECONDS.toNanos(90);
  private static final long PAUSE_MILLIS = 100;

  /** How long a server's word that nobody listens is waited for, in the background. */
  private static final Duration NO_RESPONDERS = Duration.ofSeconds(20);

  private static final long SOON_NANOS = NO_RESPONDERS.toNanos() / 2;

  private static final byte[] NOTHING = {};
  private static final int SHOWN = 128;

  private final Connection front;
  private final SharedFlush flush;
  private final ServiceSettings settings;
  private final Figures figures;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(task -> new Thread(task, "replies"));
  private volatile boolean closing;

  Replies(Connection front, ServiceSettings settings, Figures figures) {
    this.front = front;
    this.flush = new SharedFlush(front, FLUSH);
    this.settings = settings;
    this.figures = figures;
  }

  /** Sends something from a thread that may wait: callbacks of the connections may not. */
  void later(Runnable send) {
    try {
      thread.execute(send);
    } catch (RejectedExecutionException e) {
      LOG.debug("an answer comes too late: {}", e.getMessage());
    }
  }

  /** Ends; that the client gives its questions up when the connection closes means nothing then. */
  void close() throws InterruptedException {
    closing = true;
    thread.shutdown();
    if (!thread.awaitTermination(FLUSH.toMillis(), TimeUnit.MILLISECONDS)) {
      LOG.warn("not every follower was told");
    }
  }

  /** Sends the result; whether the server has it. */
  boolean result(Job job, BuildReply reply) {
    return last(
        job.id(), job.replyTo(), job.isStreamed(), resultHeaders(reply), Protocol.write(reply));
  }

  private static Headers resultHeaders(BuildReply reply) {
    return new Headers()
        .add(Subjects.BUILD_ID_HEADER, reply.id())
        .add(Subjects.DIGEST_HEADER, reply.digest())
        .add(Subjects.LOCATION_HEADER, reply.location());
  }

  /** Sends one result to many, at once; whether the server has all of it. */
  boolean results(Collection<Job> jobs, BuildReply result) {
    if (front.getStatus() != Connection.Status.CONNECTED) {
      return false;
    }
    try {
      long reconnects = front.getStatistics().getReconnects();
      for (Job job : jobs) {
        send(job, result.withId(job.id()));
      }
      flush.await();
      // What was written to a connection that then broke is lost, though the next one is flushed.
      return front.getStatistics().getReconnects() == reconnects;
    } catch (TimeoutException | IllegalStateException e) {
      LOG.info("{} answers are sent again: {}", jobs.size(), e.getMessage());
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void send(Job job, BuildReply reply) {
    String replyTo = job.replyTo();
    if (replyTo == null || !settings.isInbox(replyTo)) {
      return;
    }
    try {
      var unheard =
          front.requestWithTimeout(
              replyTo, resultHeaders(reply), Protocol.write(reply), NO_RESPONDERS);
      if (job.isStreamed()) {
        front.publish(replyTo, NOTHING);
      }
      noteWhetherHeard(job.id(), unheard);
    } catch (IllegalArgumentException e) {
      cannotBeTold(job.id(), e);
    }
  }

  /** An answer that the client does not take now will not be taken later. */
  private static void cannotBeTold(String id, IllegalArgumentException e) {
    LOG.error("build {}: its requester cannot be answered: {}", id, e.getMessage());
  }

  /** Sends the failure; whether the server has it. */
  boolean failure(Job job, RequestException failure) {
    return failure(job.id(), job.replyTo(), job.isStreamed(), failure);
  }

  boolean failure(String id, @Nullable String replyTo, boolean streamed, RequestException failure) {
    byte[] body = Protocol.write(ErrorBody.of(failure, id));
    return last(id, replyTo, streamed, errorHeaders(id, failure), body);
  }

  static Headers errorHeaders(String id, RequestException failure) {
    return new Headers()
        .add(Subjects.ERROR_HEADER, asciiOf(failure.code() + ": " + failure.line()))
        .add(Subjects.ERROR_CODE_HEADER, Integer.toString(failure.code().number()))
        .add(Subjects.BUILD_ID_HEADER, id);
  }

  /** Sends something that others follow; it may be lost. */
  void line(String replyTo, Object document) {
    if (!settings.isInbox(replyTo)) {
      return;
    }
    try {
      front.publish(replyTo, Protocol.write(document));
    } catch (IllegalStateException | IllegalArgumentException e) {
      LOG.debug("a line to {} is lost: {}", replyTo, e.getMessage());
    }
  }

  /** Sends the one answer, or the last of several and the empty message after it. */
  boolean last(
      String id, @Nullable String replyTo, boolean streamed, Headers headers, byte[] body) {
    if (replyTo == null) {
      return true;
    }
    if (!settings.isInbox(replyTo)) {
      LOG.warn(
          "build {}: its reply subject \"{}\" is no inbox; nobody is answered", id, shown(replyTo));
      return true;
    }
    long deadline = System.nanoTime() + AWAY_NANOS;
    while (System.nanoTime() < deadline) {
      try {
        long reconnects = front.getStatistics().getReconnects();
        if (front.getStatus() == Connection.Status.CONNECTED) {
          CompletableFuture<Message> unheard =
              front.requestWithTimeout(replyTo, headers, body, NO_RESPONDERS);
          if (streamed) {
            front.publish(replyTo, NOTHING);
          }
          flush.await();
          if (front.getStatistics().getReconnects() == reconnects) {
            noteWhetherHeard(id, unheard);
            return true;
          }
          LOG.info("build {}: the answer is sent again: the connection was lost meanwhile", id);
          continue;
        }
        if (front.getStatus() == Connection.Status.CLOSED) {
          break;
        }
        Thread.sleep(PAUSE_MILLIS);
      } catch (IllegalArgumentException e) {
        cannotBeTold(id, e);
        return true;
      } catch (TimeoutException | IllegalStateException e) {
        LOG.info("build {}: the answer is sent again: {}", id, e.getMessage());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
    }
    LOG.error("build {}: no connection to answer on", id);
    return false;
  }

  /** With a reply subject of ours, the server says at once where nobody listens. */
  private void noteWhetherHeard(String id, CompletableFuture<Message> unheard) {
    long sent = System.nanoTime();
    var unused =
        unheard.whenComplete(
            (message, fault) -> {
              // Later, and when the connection closes, the question is given up by the client.
              boolean soon = System.nanoTime() - sent < SOON_NANOS;
              boolean open = !closing && front.getStatus() == Connection.Status.CONNECTED;
              if (fault instanceof CancellationException && soon && open) {
                figures.countUnheard();
                LOG.info("build {}: its requester is gone", id);
              }
            });
  }

  /** A subject of a stranger's, as much of it as a log needs. */
  static String shown(String subject) {
    return subject.length() <= SHOWN ? subject : subject.substring(0, SHOWN) + "…";
  }

  /** Header values are ASCII. */
  private static String asciiOf(String text) {
    return text.replaceAll("[^\\x20-\\x7E]", "?");
  }
}
