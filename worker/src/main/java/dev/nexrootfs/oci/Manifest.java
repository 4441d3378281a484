package dev.nexrootfs.oci;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An image manifest or an index, which share a shape: a document that has both parts, or neither,
 * is refused (image-spec, manifest.md and image-index.md; CVE-2021-41190).
 *
 * @param schemaVersion 2
 * @param mediaType what the document says it is
 * @param config of a manifest: the image configuration
 * @param layers of a manifest: the layers, lowest first
 * @param manifests of an index: what it lists
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record Manifest(
    int schemaVersion,
    @Nullable String mediaType,
    @Nullable Descriptor config,
    @Nullable List<Descriptor> layers,
    @Nullable List<Descriptor> manifests) {
  Manifest {
    if (hasNull(layers) || hasNull(manifests)) {
      throw new IllegalArgumentException("a list with null for a descriptor");
    }
  }

  private static boolean hasNull(@Nullable List<Descriptor> descriptors) {
    return descriptors != null && descriptors.stream().anyMatch(Objects::isNull);
  }

  boolean isIndex() {
    return manifests != null && config == null && layers == null;
  }

  boolean isImage() {
    return manifests == null && config != null && layers != null;
  }
}
