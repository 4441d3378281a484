package dev.nexrootfs.store;

import dev.nexrootfs.oci.Digest;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.PushSubscribeOptions;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.DeliverPolicy;
import io.nats.client.api.MessageInfo;
import io.nats.client.impl.NatsJetStreamMetaData;
import java.io.IOException;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The reading of one object, which goes on with the next chunk after a lost connection or a server
 * that restarted. For one thread.
 *
 * <p>The server puts the consumer of the chunks on any replica, and one that is behind, or that has
 * lost messages, sends what it has. So what is still to come is counted with each chunk, and where
 * a replica has too little, or sends nothing, the leader is asked for one chunk after the other.
 */
public final class ObjectDownload {
  private static final Logger LOG = LoggerFactory.getLogger(ObjectDownload.class);
  private static final Duration SLICE = Duration.ofMillis(200);
  private static final long PAUSE_MILLIS = 200;

  /** Then a consumer may do it again. */
  private static final int MOST_ASKED = 64;

  private static final Duration FIRST_PATIENCE = Duration.ofSeconds(5);
  private static final Duration LONGEST_PATIENCE = Duration.ofSeconds(80);

  private final Connection connection;
  private final StoredObject object;
  private final String subject;
  private final Way first;
  private final MessageDigest computation = Digest.newSha256();
  private Duration patience = FIRST_PATIENCE;
  private long lastSequence;
  private long chunks;
  private long bytes;
  private int attempts;
  private boolean replicaIsShort;
  private boolean hasWarned;
  private boolean isAtEnd;

  ObjectDownload(Connection connection, StoredObject object, Way first) {
    this.connection = connection;
    this.object = object;
    this.first = first;
    this.subject = "$O." + object.bucket() + ".C." + object.nuid();
  }

  /** How chunks come. */
  public enum Way {
    /**
     * Pushed by a consumer on any replica: fast. Where a replica has too few, or sends nothing, the
     * leader is asked.
     */
    CONSUMER,
    /** The leader is asked for one after the other: slow, and nothing is left out. */
    LEADER
  }

  /** Is told how far a download is. */
  @FunctionalInterface
  public interface Progress {
    /** {@code bytes} have been written. */
    void written(long bytes);
  }

  /** Bytes that have been written. */
  public long bytes() {
    return bytes;
  }

  /** How often the server was asked for what is left. */
  public int attempts() {
    return attempts;
  }

  /**
   * Writes the object to {@code target}. The bytes can only be trusted after this returns.
   *
   * @param deadline by {@link System#nanoTime}; asked again and again
   * @throws StoreException {@code REPLACED} where the chunks went away, {@code LEFT_OUT} where they
   *     are there and did not come, {@code CORRUPT} where they are not what was stored, {@code
   *     FAILED} after the deadline
   * @throws IOException where {@code target} cannot be written
   */
  public void writeTo(OutputStream target, LongSupplier deadline, Progress progress)
      throws IOException {
    Way way = first;
    while (chunks < object.chunks()) {
      awaitConnection(deadline);
      attempts++;
      try {
        way =
            way == Way.CONSUMER
                ? consume(target, deadline, progress)
                : ask(target, deadline, progress);
      } catch (JetStreamApiException e) {
        way = other(way);
        LOG.debug("{}: {}", object.location(), e.getMessage());
      } catch (LinkException e) {
        way = other(way);
        LOG.debug("{}: {}", object.location(), e.getMessage());
      }
      if (chunks < object.chunks()) {
        checkStillThere(deadline);
        pause(PAUSE_MILLIS);
      }
    }
    Digest digest = Digest.ofSha256(computation.digest());
    if (bytes != object.size() || !digest.equals(object.digest())) {
      throw new StoreException(
          StoreException.Reason.CORRUPT,
          object.location()
              + " is damaged in the bucket: "
              + bytes
              + " bytes with "
              + digest
              + " where "
              + object.size()
              + " with "
              + object.digest()
              + " were stored; delete the object and have it built again",
          null);
    }
  }

  /** The way to the server failed, not what is written. */
  private static final class LinkException extends Exception {
    private static final long serialVersionUID = 1L;

    LinkException(Exception cause) {
      super(String.valueOf(cause.getMessage()), cause);
    }
  }

  /** Has what is left sent, and reads until it is whole or nothing comes any more. */
  private Way consume(OutputStream target, LongSupplier deadline, Progress progress)
      throws IOException, JetStreamApiException, LinkException {
    long reconnects = connection.getStatistics().getReconnects();
    JetStreamSubscription subscription = subscribe();
    try {
      long heard = System.nanoTime();
      while (chunks < object.chunks()) {
        Message message = next(subscription);
        if (message != null) {
          NatsJetStreamMetaData place = message.metaData();
          if (chunks + 1 + place.pendingCount() < object.chunks()) {
            replicaIsShort = true;
            return Way.LEADER;
          }
          take(place.streamSequence(), message.getData(), target);
          progress.written(bytes);
          heard = System.nanoTime();
          continue;
        }
        checkDeadline(deadline);
        if (connection.getStatistics().getReconnects() != reconnects
            || connection.getStatus() != Connection.Status.CONNECTED) {
          return Way.CONSUMER; // the old one may be gone with its server
        }
        if (System.nanoTime() - heard > patience.toNanos()) {
          // Where a chunk takes longer than that, the next attempt has to be more patient.
          patience =
              patience.multipliedBy(2).compareTo(LONGEST_PATIENCE) > 0
                  ? LONGEST_PATIENCE
                  : patience.multipliedBy(2);
          return Way.LEADER;
        }
      }
      return Way.CONSUMER;
    } finally {
      unsubscribe(subscription);
    }
  }

  /**
   * Asks the leader for what is left, until it is whole or there is no answer. A question for the
   * next message of a subject can pass over some (seen on 2.9.10), one for a sequence cannot.
   */
  private Way ask(OutputStream target, LongSupplier deadline, Progress progress)
      throws IOException, JetStreamApiException, LinkException {
    isAtEnd = false;
    long sequence = lastSequence + 1;
    long enough = chunks + MOST_ASKED;
    while (chunks < object.chunks() && (first == Way.LEADER || chunks < enough)) {
      checkDeadline(deadline);
      Optional<MessageInfo> there = sequence > 1 ? at(sequence) : Optional.empty();
      Optional<MessageInfo> message = there.isPresent() ? there : next(sequence);
      if (message.isEmpty()) {
        isAtEnd = true;
        return first;
      }
      sequence = message.get().getSeq() + 1;
      if (!subject.equals(message.get().getSubject())) {
        continue; // of an upload at the same time
      }
      byte[] data = message.get().getData();
      take(message.get().getSeq(), data == null ? new byte[0] : data, target);
      progress.written(bytes);
    }
    return first;
  }

  private Way other(Way way) {
    return way == Way.CONSUMER ? Way.LEADER : first;
  }

  /** The leader has all of them: whoever sent fewer has not. */
  private void warnOfReplica() {
    if (replicaIsShort && !hasWarned) {
      hasWarned = true;
      LOG.warn(
          "{}: a replica of stream {} has fewer chunks of it than the stream's leader, which"
              + " is asked for each; a replica that stays so has lost messages",
          object.location(),
          Buckets.streamOf(object.bucket()));
    }
  }

  private Optional<MessageInfo> at(long sequence) throws JetStreamApiException, LinkException {
    try {
      return LeadersMessage.at(connection, Buckets.streamOf(object.bucket()), sequence);
    } catch (IOException e) {
      throw new LinkException(e);
    }
  }

  private Optional<MessageInfo> next(long sequence) throws JetStreamApiException, LinkException {
    try {
      return LeadersMessage.next(connection, Buckets.streamOf(object.bucket()), subject, sequence);
    } catch (IOException e) {
      throw new LinkException(e);
    }
  }

  private JetStreamSubscription subscribe() throws JetStreamApiException, LinkException {
    ConsumerConfiguration.Builder consumer = ConsumerConfiguration.builder();
    if (lastSequence > 0) {
      consumer.deliverPolicy(DeliverPolicy.ByStartSequence).startSequence(lastSequence + 1);
    }
    try {
      return connection
          .jetStream()
          .subscribe(
              subject,
              PushSubscribeOptions.builder().stream(Buckets.streamOf(object.bucket()))
                  .ordered(true)
                  .configuration(consumer.build())
                  .build());
    } catch (IOException | IllegalStateException | IllegalArgumentException e) {
      throw new LinkException(e);
    }
  }

  private static @Nullable Message next(JetStreamSubscription subscription)
      throws IOException, LinkException {
    try {
      return subscription.nextMessage(SLICE);
    } catch (IllegalStateException e) {
      throw new LinkException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private void take(long sequence, byte[] data, OutputStream target) throws IOException {
    if (sequence <= lastSequence) {
      return; // sent twice
    }
    target.write(data);
    computation.update(data);
    lastSequence = sequence;
    bytes += data.length;
    chunks++;
  }

  private static void unsubscribe(JetStreamSubscription subscription) {
    if (subscription.isActive()) {
      try {
        subscription.unsubscribe();
      } catch (IllegalStateException e) {
        LOG.debug("the subscription has ended with its connection: {}", e.getMessage());
      }
    }
  }

  /** Whoever deletes or replaces an object purges its chunks; waiting would not bring them. */
  private void checkStillThere(LongSupplier deadline) throws StoreException {
    checkDeadline(deadline);
    try {
      long missing =
          ChunkCount.missing(connection, object.bucket(), object.nuid(), object.chunks());
      boolean there =
          new MetaSubject(connection, object.bucket(), object.name())
              .meaning()
              .object()
              .filter(now -> now.nuid().equals(object.nuid()))
              .isPresent();
      if (!there) {
        throw new StoreException(
            StoreException.Reason.REPLACED,
            object.location() + " was deleted or replaced while it was read",
            null);
      }
      if (missing > 0) {
        throw new StoreException(
            StoreException.Reason.CORRUPT,
            object.location()
                + " has lost "
                + missing
                + " of its "
                + object.chunks()
                + " chunks; an image is stored again when it is requested, anything else has to be"
                + " put again",
            null);
      }
      warnOfReplica();
      if (isAtEnd) {
        throw new StoreException(
            StoreException.Reason.LEFT_OUT,
            object.location()
                + ": the server sent "
                + chunks
                + " of the "
                + object.chunks()
                + " chunks that it has; read it again, or restart the leader of stream "
                + Buckets.streamOf(object.bucket()),
            null);
      }
    } catch (StoreException e) {
      throw e;
    } catch (JetStreamApiException e) {
      LOG.debug("{}: {}", object.location(), e.getMessage());
    } catch (IOException e) {
      LOG.debug("{}: nobody can tell yet: {}", object.location(), e.getMessage());
    }
  }

  private void awaitConnection(LongSupplier deadline) throws StoreException {
    while (connection.getStatus() != Connection.Status.CONNECTED) {
      checkDeadline(deadline);
      if (connection.getStatus() == Connection.Status.CLOSED) {
        throw new StoreException(
            StoreException.Reason.FAILED,
            object.location() + ": the connection to the server has been closed",
            null);
      }
      pause(PAUSE_MILLIS);
    }
  }

  private void checkDeadline(LongSupplier deadline) throws StoreException {
    if (System.nanoTime() - deadline.getAsLong() > 0 || Thread.currentThread().isInterrupted()) {
      throw new StoreException(
          StoreException.Reason.FAILED,
          object.location()
              + ": "
              + bytes
              + " of "
              + object.size()
              + " bytes came within the time that was given",
          null);
    }
  }

  private static void pause(long millis) {
    LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
  }
}
