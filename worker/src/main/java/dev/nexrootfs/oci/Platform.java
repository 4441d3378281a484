package dev.nexrootfs.oci;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
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
  /** Variants of one architecture, each running the programs of those before it. */
  private static final Map<String, List<String>> VARIANTS =
      Map.of(
          "arm", List.of("v5", "v6", "v7", "v8"),
          "arm64", List.of("v8", "v9"),
          "amd64", List.of("v1", "v2", "v3", "v4"));

  /** The variant that is meant where none is named. */
  private static final Map<String, String> USUAL =
      Map.of("arm", "v7", "arm64", "v8", "amd64", "v1");

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
   * How well an image that an index lists for {@code offered} suits this platform: the higher, the
   * better; empty where it does not run here. A variant above the wanted one never does.
   */
  public OptionalInt suits(Platform offered) {
    if (!sameArchitecture(offered)) {
      return OptionalInt.empty();
    }
    List<String> known = VARIANTS.getOrDefault(architecture, List.of());
    int wanted = known.indexOf(orUsual(variant));
    int got = known.indexOf(orUsual(offered.variant));
    if (wanted < 0 || got < 0) {
      boolean same = orUsual(variant).equals(orUsual(offered.variant));
      boolean open = variant == null || offered.variant == null;
      return same || open ? OptionalInt.of(same ? 1 : 0) : OptionalInt.empty();
    }
    return got <= wanted ? OptionalInt.of(got) : OptionalInt.empty();
  }

  /**
   * Whether an image whose own configuration says {@code offered} runs on this platform; many
   * configurations leave the variant out that their index names.
   */
  public boolean accepts(Platform offered) {
    return offered.variant == null ? sameArchitecture(offered) : suits(offered).isPresent();
  }

  private boolean sameArchitecture(Platform offered) {
    return os != null
        && os.equals(offered.os)
        && architecture != null
        && architecture.equals(offered.architecture);
  }

  private String orUsual(@Nullable String named) {
    return named == null || named.isEmpty()
        ? USUAL.getOrDefault(String.valueOf(architecture), "")
        : named;
  }

  @Override
  public String toString() {
    return os + "/" + architecture + (variant == null ? "" : "/" + variant);
  }
}
