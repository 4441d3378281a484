package dev.nexrootfs.store;

import io.nats.client.JetStreamApiException;
import java.util.Set;

/**
 * What JetStream answers where there is no room for more: in the stream, the account, or on the
 * server. Waiting makes none.
 */
public final class StorageLimit {
  /** What an operator can do. */
  public static final String REMEDY =
      "make room with nex-rootfs gc, or raise the limit of the stream, the account or the server"
          + " (a server before 2.9.15 counts what was removed until it is restarted)";

  /**
   * JSAccountResourcesExceededErr, JSInsufficientResourcesErr, JSMemoryResourcesExceededErr and
   * JSStorageResourcesExceededErr of nats-server's errors.json.
   */
  private static final Set<Integer> NO_ROOM = Set.of(10_002, 10_023, 10_028, 10_047);

  /** Covers every refusal of a stream to store; its text tells which. */
  private static final int STREAM_STORE_FAILED = 10_077;

  private StorageLimit() {}

  /** Whether {@code refusal} says that there is no room for a message. */
  public static boolean isReached(JetStreamApiException refusal) {
    int code = refusal.getApiErrorCode();
    boolean streamIsFull =
        code == STREAM_STORE_FAILED
            && String.valueOf(refusal.getMessage()).contains("maximum bytes");
    return streamIsFull || NO_ROOM.contains(code);
  }

  /** What to say of a bucket that refused to store for want of room. */
  static StoreException bucketIsFull(String bucket, JetStreamApiException refusal) {
    return new StoreException(
        StoreException.Reason.BUCKET_FULL,
        "bucket "
            + bucket
            + " is full: "
            + refusal.getMessage()
            + "; "
            + REMEDY.replace("gc", "gc --bucket " + bucket + " --max-bytes BYTES"),
        refusal);
  }
}
