package dev.nexrootfs.store;

import dev.nexrootfs.oci.Digest;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where an object is: {@code nats://BUCKET/OBJECT[@sha256:…]}. The object's name can hold slashes.
 *
 * @param bucket the bucket
 * @param object the object's name
 * @param digest what its bytes have to be
 */
public record ObjectLocation(String bucket, String object, Optional<Digest> digest) {
  /** What a location starts with. */
  public static final String SCHEME = "nats://";

  private static final Pattern FORM =
      Pattern.compile("nats://([A-Za-z0-9_-]+)/(.*?)(?:@(sha(?:256|512):[0-9a-f]+))?");

  /**
   * Reads a location.
   *
   * @throws IllegalArgumentException for any other form
   */
  public static ObjectLocation parse(String text) {
    Matcher matcher = FORM.matcher(text);
    String name = matcher.matches() ? matcher.group(2).replaceAll("^/+|/+$", "") : "";
    if (name.isEmpty()) {
      throw new IllegalArgumentException("\"" + text + "\" is not nats://BUCKET/OBJECT[@sha256:…]");
    }
    return new ObjectLocation(
        matcher.group(1), name, Optional.ofNullable(matcher.group(3)).map(Digest::new));
  }

  /** Where {@code object} is. */
  public static ObjectLocation of(StoredObject object) {
    return new ObjectLocation(object.bucket(), object.name(), Optional.empty());
  }

  @Override
  public String toString() {
    return SCHEME + bucket + "/" + object;
  }
}
