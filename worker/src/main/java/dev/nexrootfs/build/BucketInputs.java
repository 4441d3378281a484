package dev.nexrootfs.build;

import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.ObjectBucket;
import dev.nexrootfs.store.ObjectLocation;
import dev.nexrootfs.store.StoreException;
import java.util.List;
import java.util.Optional;

/**
 * The object store buckets that requests may read from. A worker's own rights are wider than its
 * requesters', so it lends them for these buckets only.
 *
 * @param buckets none without NATS
 * @param allowed their names
 */
public record BucketInputs(Optional<Buckets> buckets, List<String> allowed) {
  /** No bucket at all. */
  public static final BucketInputs NONE = new BucketInputs(Optional.empty(), List.of());

  /** Copies the list. */
  public BucketInputs {
    allowed = List.copyOf(allowed);
  }

  void check(String field, ObjectLocation location) throws RequestException {
    if (buckets.isEmpty()) {
      throw new RequestException(
          ErrorCode.SOURCE_NOT_ALLOWED,
          field + ": " + location + " needs a NATS connection, which a local build has not");
    }
    if (!allowed.contains(location.bucket())) {
      throw new RequestException(
          ErrorCode.SOURCE_NOT_ALLOWED,
          field
              + ": the worker reads no inputs from the bucket "
              + location.bucket()
              + ", only from "
              + String.join(", ", allowed)
              + "; its operator allows more by --allow-bucket");
    }
  }

  ObjectBucket open(String name) throws StoreException {
    return buckets
        .orElseThrow(
            () ->
                new StoreException(
                    StoreException.Reason.NO_BUCKET, "there is no NATS connection", null))
        .open(name);
  }
}
