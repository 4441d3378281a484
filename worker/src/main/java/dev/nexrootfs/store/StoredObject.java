package dev.nexrootfs.store;

import dev.nexrootfs.oci.Digest;
import java.util.Map;

/**
 * An object that is in a bucket.
 *
 * @param bucket the bucket
 * @param name the object's name
 * @param digest SHA-256 of its bytes
 * @param size how many they are
 * @param metadata what its writer noted about it
 */
public record StoredObject(
    String bucket, String name, Digest digest, long size, Map<String, String> metadata) {
  /** {@code nats://BUCKET/NAME}. */
  public String location() {
    return "nats://" + bucket + "/" + name;
  }
}
