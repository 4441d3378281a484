package dev.nexrootfs.store;

import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.KeyValue;
import io.nats.client.KeyValueManagement;
import io.nats.client.NUID;
import io.nats.client.api.KeyValueConfiguration;
import io.nats.client.api.KeyValueEntry;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Leases on names between the workers of a pool: keys of a key-value bucket whose entries expire,
 * so a worker that dies loses its leases. A lease is renewed as long as it is held, and each
 * renewal needs the revision of the one before: who lost a lease cannot renew it.
 */
public final class Leases {
  /** Until the lease of a worker that died is free. */
  public static final Duration LIFE = Duration.ofSeconds(30);

  private static final int STREAM_NOT_FOUND = 10_059;
  private static final Logger LOG = LoggerFactory.getLogger(Leases.class);

  private final KeyValue bucket;
  private final String holder;
  private final ScheduledExecutorService renewals;

  /**
   * The leases of {@code bucket}.
   *
   * @param holder how this worker is called in them
   * @param renewals runs the renewals
   * @throws StoreException {@code NO_BUCKET} where there is none
   */
  public Leases(
      Connection connection, String bucket, String holder, ScheduledExecutorService renewals)
      throws StoreException {
    this.holder = holder;
    this.renewals = renewals;
    try {
      connection.keyValueManagement().getStatus(bucket);
      this.bucket = connection.keyValue(bucket);
    } catch (JetStreamApiException e) {
      throw noBucket(bucket, e);
    } catch (IOException e) {
      throw noBucket(bucket, e);
    }
  }

  /**
   * Makes the bucket where it is missing; an existing one is left as it is.
   *
   * @return whether it was made
   */
  public static boolean create(Connection connection, String bucket, int replicas)
      throws StoreException {
    try {
      KeyValueManagement management = connection.keyValueManagement();
      if (exists(management, bucket)) {
        return false;
      }
      management.create(
          KeyValueConfiguration.builder(bucket)
              .description("leases of nex-rootfs workers")
              .ttl(LIFE)
              .replicas(replicas)
              .build());
      return true;
    } catch (JetStreamApiException e) {
      throw failed(bucket, e);
    } catch (IOException e) {
      throw failed(bucket, e);
    }
  }

  private static boolean exists(KeyValueManagement management, String bucket)
      throws IOException, JetStreamApiException {
    try {
      management.getStatus(bucket);
      return true;
    } catch (JetStreamApiException e) {
      if (e.getApiErrorCode() == STREAM_NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /** A lease that is held until it is closed. */
  public final class Lease implements Fence, Closeable {
    private final String name;
    private final byte[] value;
    private final ScheduledFuture<?> renewal;
    private long revision;
    private boolean closed;

    private Lease(String name, byte[] value, long revision) {
      this.name = name;
      this.value = value;
      this.revision = revision;
      long period = LIFE.toMillis() / 3;
      this.renewal =
          renewals.scheduleWithFixedDelay(this::renew, period, period, TimeUnit.MILLISECONDS);
    }

    private synchronized void renew() {
      if (closed) {
        return; // while this renewal waited for its turn
      }
      try {
        check();
      } catch (StoreException e) {
        LOG.warn("the lease {} could not be renewed: {}", name, e.getMessage());
      }
    }

    /**
     * Renews the lease; one that has run out while nobody else took it is taken again.
     *
     * @throws StoreException where another worker holds it, or nobody can tell
     */
    @Override
    public synchronized void check() throws StoreException {
      try {
        revision = bucket.update(name, value, revision);
      } catch (JetStreamApiException e) {
        if (!ExpectedSequence.wasMissed(e)) {
          throw failed(name, e);
        }
        takeAgain();
      } catch (IOException e) {
        throw failed(name, e);
      }
    }

    private void takeAgain() throws StoreException {
      try {
        KeyValueEntry entry = bucket.get(name);
        if (entry == null || entry.getValue() == null) {
          revision = bucket.create(name, value);
        } else if (Arrays.equals(entry.getValue(), value)) {
          // A renewal whose answer was lost.
          revision = entry.getRevision();
        } else {
          throw new StoreException(
              StoreException.Reason.FAILED,
              "lease " + name + ": held by " + new String(entry.getValue(), StandardCharsets.UTF_8),
              null);
        }
      } catch (StoreException e) {
        throw e;
      } catch (JetStreamApiException e) {
        throw failed(name, e);
      } catch (IOException e) {
        throw failed(name, e);
      }
    }

    @Override
    public void close() throws StoreException {
      renewal.cancel(false);
      synchronized (this) {
        closed = true;
        try {
          bucket.delete(name, revision);
        } catch (JetStreamApiException e) {
          if (!ExpectedSequence.wasMissed(e)) {
            throw failed(name, e);
          }
        } catch (IOException e) {
          throw failed(name, e);
        }
      }
    }
  }

  /**
   * The lease on {@code name}, where nobody holds it.
   *
   * @param name letters, digits, {@code - _ / = .}
   */
  public Optional<Lease> tryAcquire(String name) throws StoreException {
    byte[] value = (holder + " " + NUID.nextGlobal()).getBytes(StandardCharsets.UTF_8);
    try {
      return Optional.of(new Lease(name, value, bucket.create(name, value)));
    } catch (JetStreamApiException e) {
      if (ExpectedSequence.wasMissed(e)) {
        return Optional.empty();
      }
      throw failed(name, e);
    } catch (IOException e) {
      throw failed(name, e);
    }
  }

  /** Whether anybody holds {@code name} now. */
  public boolean isHeld(String name) throws StoreException {
    try {
      KeyValueEntry entry = bucket.get(name);
      return entry != null && entry.getValue() != null;
    } catch (JetStreamApiException e) {
      throw failed(name, e);
    } catch (IOException e) {
      throw failed(name, e);
    }
  }

  private static StoreException noBucket(String bucket, Exception e) {
    return new StoreException(
        StoreException.Reason.NO_BUCKET,
        "the key-value bucket "
            + bucket
            + " does not exist; an administrator makes it with nex-rootfs setup",
        e);
  }

  private static StoreException failed(String what, Exception e) {
    return new StoreException(
        StoreException.Reason.FAILED, "lease " + what + ": " + e.getMessage(), e);
  }
}
