package dev.nexrootfs.oci;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is known of some content before it is read (image-spec, descriptor.md).
 *
 * @param mediaType what it is
 * @param digest its digest
 * @param size its bytes
 * @param platform of a manifest in an index
 * @param annotations more about it
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Descriptor(
    @Nullable String mediaType,
    Digest digest,
    long size,
    @Nullable Platform platform,
    @Nullable Map<String, String> annotations) {
  /** The annotation of a layout's index with the tag. */
  public static final String REF_NAME = "org.opencontainers.image.ref.name";

  /** The annotation with the whole reference, of containerd and docker. */
  private static final String IMAGE_NAME = "io.containerd.image.name";

  /** The annotation of what BuildKit adds beside images. */
  private static final String REFERENCE_TYPE = "vnd.docker.reference.type";

  /** Checks what must be there. */
  public Descriptor {
    if (digest == null) {
      throw new IllegalArgumentException("descriptor without digest");
    }
    if (size < 0) {
      throw new IllegalArgumentException("descriptor " + digest + " of " + size + " bytes");
    }
    annotations = annotations == null ? Map.of() : Map.copyOf(annotations);
  }

  /** The tag in a layout's index; empty without one. */
  String refName() {
    return annotations == null ? "" : annotations.getOrDefault(REF_NAME, "");
  }

  /** Whether a layout's index gives this the name {@code tag}: a tag, or a whole reference. */
  boolean isNamed(String tag) {
    String whole = annotations == null ? "" : annotations.getOrDefault(IMAGE_NAME, "");
    return refName().equals(tag) || whole.equals(tag) || whole.endsWith("/" + tag);
  }

  /** Whether this is no image but something about one. */
  boolean isAttestation() {
    boolean marked =
        annotations != null && "attestation-manifest".equals(annotations.get(REFERENCE_TYPE));
    return marked || (platform != null && "unknown".equals(platform.os()));
  }

  /** The media type; empty where the document has none. */
  String mediaTypeOrEmpty() {
    return mediaType == null ? "" : mediaType;
  }
}
