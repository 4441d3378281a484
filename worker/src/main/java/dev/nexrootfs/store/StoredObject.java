package dev.nexrootfs.store;

import dev.nexrootfs.oci.Digest;
import java.util.Map;

/**
 * An object as the stream's leader had it at one moment. A name can come to mean another object;
 * this one's chunks never change.
 *
 * @param bucket the bucket that holds the chunks
 * @param name the object's own name, also where it was found by a link
 * @param nuid the last token of the chunks' subject
 * @param digest SHA-256 of its bytes
 * @param size how many they are
 * @param chunks in how many messages
 * @param metadata what its writer noted about it
 */
public record StoredObject(
    String bucket,
    String name,
    String nuid,
    Digest digest,
    long size,
    long chunks,
    Map<String, String> metadata) {
  /** Its SHA-256, hexadecimal. */
  public String sha256() {
    return digest.hex();
  }

  /** {@code nats://BUCKET/NAME}. */
  public String location() {
    return ObjectLocation.SCHEME + bucket + "/" + name;
  }
}
