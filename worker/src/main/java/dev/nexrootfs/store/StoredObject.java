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
  /** Its SHA-256, hexadecimal. */
  public String sha256() {
    return digest.hex();
  }

  /** {@code nats://BUCKET/NAME}. */
  public String location() {
    return "nats://" + bucket + "/" + name;
  }
}
