package dev.nexrootfs.store;

import dev.nexrootfs.oci.Digest;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.PushSubscribeOptions;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.DeliverPolicy;
import java.io.IOException;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The reading of one object, which goes on with the next chunk after a lost connection or a server
 * that restarted. For one thread.
 */
public final class ObjectDownload {
  private static final Logger LOG = LoggerFactory.getLogger(ObjectDownload.class);
  private static final Duration SLICE = Duration.ofMillis(200);
  private static final long PAUSE_MILLIS = 200;
  private static final Duration FIRST_PATIENCE = Duration.ofSeconds(5);
  private static final Duration LONGEST_PATIENCE = Duration.ofSeconds(80);

  private final Connection connection;
  private final PinnedObject object;
  private final String subject;
  private final MessageDigest computation = Digest.newSha256();
  private Duration patience = FIRST_PATIENCE;
  private long lastSequence;
  private long chunks;
  private long bytes;
  private int attempts;
  private boolean exhausted;

  ObjectDownload(Connection connection, PinnedObject object) {
    this.connection = connection;
    this.object = object;
    this.subject = "$O." + object.bucket() + ".C." + object.nuid();
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
   * @param deadline by {@link System#nanoTime}
   * @throws StoreException {@code REPLACED} where the chunks went away, {@code CORRUPT} where they
   *     are not what was stored, {@code FAILED} after the deadline
   * @throws IOException where {@code target} cannot be written
   */
  public void writeTo(OutputStream target, long deadline, Progress progress) throws IOException {
    while (chunks < object.chunks()) {
      awaitConnection(deadline);
      try {
        readOn(target, deadline, progress);
      } catch (JetStreamApiException e) {
        LOG.debug("{}: {}", object.location(), e.getMessage());
      } catch (LinkException e) {
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

  /** Asks for what is left, and reads until it is whole or nothing comes any more. */
  private void readOn(OutputStream target, long deadline, Progress progress)
      throws IOException, JetStreamApiException, LinkException {
    long reconnects = connection.getStatistics().getReconnects();
    attempts++;
    JetStreamSubscription subscription = subscribe();
    try {
      long heard = System.nanoTime();
      while (chunks < object.chunks()) {
        Message message = next(subscription);
        if (message != null) {
          take(message, target);
          progress.written(bytes);
          heard = System.nanoTime();
          if (exhausted) {
            return;
          }
          continue;
        }
        checkDeadline(deadline);
        if (connection.getStatistics().getReconnects() != reconnects
            || connection.getStatus() != Connection.Status.CONNECTED) {
          return; // the consumer may be gone with its server
        }
        if (System.nanoTime() - heard > patience.toNanos()) {
          // Where a chunk takes longer than that, the next attempt has to be more patient.
          patience =
              patience.multipliedBy(2).compareTo(LONGEST_PATIENCE) > 0
                  ? LONGEST_PATIENCE
                  : patience.multipliedBy(2);
          return;
        }
      }
    } finally {
      unsubscribe(subscription);
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

  private void take(Message message, OutputStream target) throws IOException {
    long sequence = message.metaData().streamSequence();
    if (sequence <= lastSequence) {
      return; // sent twice
    }
    byte[] data = message.getData();
    target.write(data);
    computation.update(data);
    lastSequence = sequence;
    bytes += data.length;
    chunks++;
    exhausted = message.metaData().pendingCount() == 0;
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
  private void checkStillThere(long deadline) throws StoreException {
    checkDeadline(deadline);
    try {
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
      if (exhausted) {
        throw new StoreException(
            StoreException.Reason.CORRUPT,
            object.location()
                + " has lost "
                + (object.chunks() - chunks)
                + " of its "
                + object.chunks()
                + " chunks; delete the object and have it built again",
            null);
      }
    } catch (StoreException e) {
      throw e;
    } catch (IOException e) {
      LOG.debug("{}: nobody can tell yet: {}", object.location(), e.getMessage());
    }
  }

  private void awaitConnection(long deadline) throws StoreException {
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

  private void checkDeadline(long deadline) throws StoreException {
    if (System.nanoTime() - deadline > 0 || Thread.currentThread().isInterrupted()) {
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
