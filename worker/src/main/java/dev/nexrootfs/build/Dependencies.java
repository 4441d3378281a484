package dev.nexrootfs.build;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The inputs of a build whose names can come to mean something else. As long as each means the
 * same, the same request has the same result.
 *
 * @param manifest what the base image's reference named: {@code sha256:…} of a manifest; null where
 *     the reference cannot change its meaning
 * @param objects objects of buckets
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Dependencies(@Nullable String manifest, List<BucketObject> objects) {
  /**
   * An object that was read.
   *
   * @param bucket its bucket
   * @param object its name
   * @param digest {@code sha256:…} of its bytes
   */
  public record BucketObject(String bucket, String object, String digest) {}

  /** Copies the list. */
  public Dependencies {
    objects = List.copyOf(objects);
  }
}
