package dev.nexrootfs.oci;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What we use of an image configuration (image-spec, config.md).
 *
 * @param os like {@code linux}
 * @param architecture like {@code amd64}
 * @param variant of the architecture
 * @param created when the image was made, RFC 3339
 * @param rootfs the layers' diffIDs
 * @param config what a container of the image starts with
 */
@JsonIgnoreProperties(ignoreUnknown = true)
public record ImageConfig(
    @Nullable String os,
    @Nullable String architecture,
    @Nullable String variant,
    @Nullable String created,
    @Nullable RootFs rootfs,
    @Nullable Execution config) {
  private static final Instant LATEST = Instant.parse("2446-01-01T00:00:00Z");

  /**
   * The layers.
   *
   * @param type {@code layers}
   * @param diffIds digests of the uncompressed layers, lowest first
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record RootFs(
      @Nullable String type, @JsonProperty("diff_ids") @Nullable List<Digest> diffIds) {
    /** Refuses a list with a hole. */
    public RootFs {
      if (diffIds != null && diffIds.stream().anyMatch(Objects::isNull)) {
        throw new IllegalArgumentException("diff_ids with null");
      }
    }
  }

  /**
   * What a container of the image starts with.
   *
   * @param env its environment, each {@code NAME=VALUE}
   */
  @JsonIgnoreProperties(ignoreUnknown = true)
  public record Execution(@JsonProperty("Env") @Nullable List<@Nullable String> env) {}

  /** What the image runs on. */
  public Platform platform() {
    return new Platform(os, architecture, variant);
  }

  /** When the image was made, where it says so. */
  public Optional<Instant> createdAt() {
    if (created == null) {
      return Optional.empty();
    }
    try {
      // A time before 1970 stands for none: builders that leave it out write year 1. So does one
      // that no file of ext4 can have.
      return Optional.of(OffsetDateTime.parse(created).toInstant())
          .filter(time -> !time.isBefore(Instant.EPOCH) && time.isBefore(LATEST));
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }

  /**
   * The environment, by name; of a name that is there twice, the later value. An entry without a
   * name or without {@code =} sets nothing.
   */
  public SortedMap<String, String> environment() {
    SortedMap<String, String> environment = new TreeMap<>();
    if (config != null && config.env() != null) {
      for (String entry : config.env()) {
        int equals = entry == null ? -1 : entry.indexOf('=');
        if (entry != null && equals > 0) {
          environment.put(entry.substring(0, equals), entry.substring(equals + 1));
        }
      }
    }
    return environment;
  }

  /** The digests of the uncompressed layers, lowest first. */
  public List<Digest> diffIds() {
    return rootfs == null || rootfs.diffIds() == null ? List.of() : rootfs.diffIds();
  }
}
