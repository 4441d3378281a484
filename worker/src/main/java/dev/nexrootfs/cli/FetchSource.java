package dev.nexrootfs.cli;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.store.ObjectLocation;
import java.util.List;
import java.util.Optional;

/**
 * Which object is to be fetched.
 *
 * @param bucket the bucket
 * @param names objects and links that it can be, the first that is there counts
 * @param digest what its bytes have to be
 */
record FetchSource(String bucket, List<String> names, Optional<Digest> digest) {
  /**
   * Reads what a person writes: {@code NAME}, {@code NAME:TAG}, an object's own name, or {@code
   * nats://BUCKET/} and one of these, each with {@code @sha256:…} where the bytes are known.
   *
   * @param bucket where none is named
   */
  static FetchSource parse(String text, String bucket) throws CommandFailure {
    try {
      boolean whole = text.startsWith(ObjectLocation.SCHEME);
      ObjectLocation location =
          ObjectLocation.parse(whole ? text : ObjectLocation.SCHEME + bucket + "/" + text);
      return new FetchSource(location.bucket(), names(location.object()), location.digest());
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(
          "\"" + text + "\" is not NAME, NAME:TAG or nats://BUCKET/OBJECT, with @sha256:… or not",
          e);
    }
  }

  /** Nex's {@code name:tag} is the object {@code name_tag}, and without a tag the latest. */
  private static List<String> names(String object) {
    int colon = object.indexOf(':');
    return colon < 0
        ? List.of(object, object + "_latest")
        : List.of(object.substring(0, colon) + "_" + object.substring(colon + 1));
  }

  /** Its location by the first name. */
  @Override
  public String toString() {
    return ObjectLocation.SCHEME + bucket + "/" + names.get(0);
  }
}
