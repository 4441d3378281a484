package dev.nexrootfs.oci;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import org.jspecify.annotations.Nullable;

/**
 * What an image runs on (image-spec, image-index.md).
 *
 * @param os like {@code linux}
 * @param architecture as GOARCH, like {@code amd64}
 * @param variant of the architecture, like {@code v8}
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record Platform(
    @Nullable String os, @Nullable String architecture, @Nullable String variant) {
  /** The platform of {@code os/architecture[/variant]}. */
  public static Platform parse(String text) {
    String[] parts = text.split("/", -1);
    if (parts.length < 2 || parts.length > 3) {
      throw new IllegalArgumentException(
          "platform \"" + text + "\" is not os/architecture[/variant]");
    }
    return new Platform(parts[0], parts[1], parts.length == 3 ? parts[2] : null);
  }

  /**
   * Whether an image for {@code offered} runs on this platform; a variant that is not asked for can
   * be any.
   */
  public boolean accepts(Platform offered) {
    return equal(os, offered.os)
        && equal(architecture, offered.architecture)
        && (variant == null || offered.variant == null || variant.equals(offered.variant));
  }

  private static boolean equal(@Nullable String a, @Nullable String b) {
    return a != null && a.equals(b);
  }

  @Override
  public String toString() {
    return os + "/" + architecture + (variant == null ? "" : "/" + variant);
  }
}
