package dev.nexrootfs.oci;

import java.util.List;
import java.util.Set;

/**
 * The media types of images (image-spec, media-types.md; Docker's image manifest version 2, schema
 * 2). Media types are often wrong about compression, so a layer's own first bytes tell that.
 */
public final class MediaTypes {
  /** Image manifests. */
  private static final Set<String> MANIFESTS =
      Set.of(
          "application/vnd.oci.image.manifest.v1+json",
          "application/vnd.docker.distribution.manifest.v2+json");

  /** Indexes. */
  private static final Set<String> INDEXES =
      Set.of(
          "application/vnd.oci.image.index.v1+json",
          "application/vnd.docker.distribution.manifest.list.v2+json");

  /** The form of manifest that names no layers by their uncompressed digests. */
  private static final Set<String> SCHEMA_1 =
      Set.of(
          "application/vnd.docker.distribution.manifest.v1+json",
          "application/vnd.docker.distribution.manifest.v1+prettyjws");

  private static final Set<String> CONFIGS =
      Set.of(
          "application/vnd.oci.image.config.v1+json",
          "application/vnd.docker.container.image.v1+json");

  private static final List<String> LAYER_PREFIXES =
      List.of(
          "application/vnd.oci.image.layer.v1.tar",
          "application/vnd.oci.image.layer.nondistributable.v1.tar",
          "application/vnd.docker.image.rootfs.diff.tar",
          "application/vnd.docker.image.rootfs.foreign.diff.tar");

  private static final Set<String> COMPRESSIONS =
      Set.of("", ".gzip", "+gzip", ".zstd", "+zstd", ".gz");

  private MediaTypes() {}

  /** What a registry is asked for; schema 1 too, so that it can be refused by name. */
  public static List<String> accepted() {
    return java.util.stream.Stream.of(MANIFESTS, INDEXES, SCHEMA_1)
        .flatMap(types -> types.stream().sorted())
        .toList();
  }

  /** Whether this is an image manifest or an index, by any name that registries use for them. */
  public static boolean isDocument(String mediaType) {
    return isManifest(mediaType) || isIndex(mediaType) || isSchema1(mediaType);
  }

  static boolean isManifest(String mediaType) {
    return MANIFESTS.contains(mediaType);
  }

  static boolean isIndex(String mediaType) {
    return INDEXES.contains(mediaType);
  }

  static boolean isSchema1(String mediaType) {
    return SCHEMA_1.contains(mediaType);
  }

  static boolean isImageConfig(String mediaType) {
    return CONFIGS.contains(mediaType);
  }

  static boolean isLayer(String mediaType) {
    return LAYER_PREFIXES.stream()
        .anyMatch(
            prefix ->
                mediaType.startsWith(prefix)
                    && COMPRESSIONS.contains(mediaType.substring(prefix.length())));
  }
}
