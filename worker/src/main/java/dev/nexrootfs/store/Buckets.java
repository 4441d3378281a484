package dev.nexrootfs.store;

import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.ObjectStoreManagement;
import io.nats.client.api.ObjectStoreConfiguration;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamInfo;
import java.io.IOException;

/** The object store buckets of one connection. */
public final class Buckets {
  private static final int STREAM_NOT_FOUND = 10_059;
  private static final int NO_JETSTREAM_IN_ACCOUNT = 10_039;
  private static final int NO_JETSTREAM = 10_076;

  private final Connection connection;

  /** The buckets that {@code connection} sees. */
  public Buckets(Connection connection) {
    this.connection = connection;
  }

  /**
   * A bucket that exists.
   *
   * @throws StoreException {@code NO_JETSTREAM} or {@code NO_BUCKET}
   */
  public ObjectBucket open(String name) throws StoreException {
    try {
      JetStreamManagement management = connection.jetStreamManagement();
      StreamInfo info = management.getStreamInfo(streamOf(name));
      return new ObjectBucket(connection, name, info.getConfiguration());
    } catch (JetStreamApiException e) {
      throw failed(name, e);
    } catch (IOException e) {
      throw failed(name, e);
    } catch (IllegalArgumentException e) {
      throw new StoreException(
          StoreException.Reason.NO_BUCKET, "\"" + name + "\" is no bucket's name", e);
    }
  }

  /**
   * Makes a bucket where it is missing; an existing one is left as it is.
   *
   * @param maxBytes the most that it may hold, -1 for no limit
   * @param replicas 1 to 5
   * @return whether it was made
   */
  public boolean create(String name, String description, long maxBytes, int replicas)
      throws StoreException {
    try {
      open(name);
      return false;
    } catch (StoreException e) {
      if (e.reason() != StoreException.Reason.NO_BUCKET) {
        throw e;
      }
    }
    try {
      ObjectStoreManagement management = connection.objectStoreManagement();
      management.create(
          ObjectStoreConfiguration.builder(name)
              .description(description)
              .maxBucketSize(maxBytes)
              .replicas(replicas)
              .storageType(StorageType.File)
              .build());
      return true;
    } catch (JetStreamApiException e) {
      throw failed(name, e);
    } catch (IOException e) {
      throw failed(name, e);
    } catch (IllegalArgumentException e) {
      throw new StoreException(
          StoreException.Reason.NO_BUCKET,
          "no bucket can be called \"" + name + "\" or be made so: " + e.getMessage(),
          e);
    }
  }

  /** The stream of a bucket (ADR-20). */
  static String streamOf(String bucket) {
    return "OBJ_" + bucket;
  }

  private static StoreException failed(String bucket, JetStreamApiException e) {
    return switch (e.getApiErrorCode()) {
      case STREAM_NOT_FOUND ->
          new StoreException(
              StoreException.Reason.NO_BUCKET,
              "the object store bucket "
                  + bucket
                  + " does not exist; an administrator makes it with nex-rootfs setup",
              e);
      case NO_JETSTREAM, NO_JETSTREAM_IN_ACCOUNT ->
          new StoreException(
              StoreException.Reason.NO_JETSTREAM,
              "JetStream is not enabled for this account; enable it on the NATS server (nats-server -js) or for the account",
              e);
      default ->
          new StoreException(
              StoreException.Reason.FAILED, "bucket " + bucket + ": " + e.getMessage(), e);
    };
  }

  private StoreException failed(String bucket, IOException e) {
    if (e instanceof StoreException known) {
      return known;
    }
    // Without JetStream nobody answers; with it, a missing answer is a fault that passes.
    if (!connection.getServerInfo().isJetStreamAvailable()) {
      return new StoreException(
          StoreException.Reason.NO_JETSTREAM,
          "the NATS server has no JetStream; enable it (nats-server -js)",
          e);
    }
    return new StoreException(
        StoreException.Reason.FAILED,
        "bucket "
            + bucket
            + " cannot be reached: "
            + Denial.of(connection, "$JS.API.STREAM.INFO." + streamOf(bucket))
                .or(() -> Denial.of(connection, "_INBOX"))
                .orElse(e.getMessage()),
        e);
  }
}
