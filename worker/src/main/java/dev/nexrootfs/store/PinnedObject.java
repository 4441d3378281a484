package dev.nexrootfs.store;

import dev.nexrootfs.oci.Digest;

/**
 * An object as the stream's leader knew it at one moment. A name can come to mean another object;
 * this one's chunks never change.
 *
 * @param bucket the bucket that holds the chunks
 * @param name the object's own name, where the name that was asked for is a link
 * @param nuid the last token of the chunks' subject
 * @param digest SHA-256 of its bytes
 * @param size how many they are
 * @param chunks in how many messages
 */
public record PinnedObject(
    String bucket, String name, String nuid, Digest digest, long size, long chunks) {
  /** {@code nats://BUCKET/NAME}. */
  public String location() {
    return ObjectLocation.SCHEME + bucket + "/" + name;
  }
}
