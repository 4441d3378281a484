package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One step of a build, as it is published on both generations of Nex's event subjects.
 *
 * @param id the build's id
 * @param namespace the Nex namespace of the request
 * @param transition what happened
 * @param phase what the build is doing: {@code queued}, {@code resolve}, {@code layers}, {@code
 *     plan}, {@code store}, {@code done}
 * @param percent 0 to 100
 * @param image the base image as requested
 * @param message one line for a person
 * @param digest {@code sha256:…} of the image, once known
 * @param location {@code nats://BUCKET/object}, once stored
 * @param errorCode why the build failed
 * @param worker the worker that builds
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record BuildEvent(
    String id,
    String namespace,
    Transition transition,
    String phase,
    int percent,
    String image,
    String message,
    @Nullable String digest,
    @Nullable String location,
    @Nullable ErrorCode errorCode,
    String worker) {
  /** What happened to the build. */
  public enum Transition {
    /** Accepted, waiting for a slot. */
    @JsonProperty("queued")
    QUEUED,
    /** Taken by a slot. */
    @JsonProperty("started")
    STARTED,
    /** Further than before. */
    @JsonProperty("progress")
    PROGRESS,
    /** The image is stored. */
    @JsonProperty("completed")
    COMPLETED,
    /** No image; the error code says why. */
    @JsonProperty("failed")
    FAILED,
    /** Stopped on request. */
    @JsonProperty("cancelled")
    CANCELLED;

    /** The CloudEvents type: {@code rootfs_build_progress}, one token as Nex 0.2 wants it. */
    public String cloudEventType() {
      return "rootfs_build_" + name().toLowerCase(Locale.ROOT);
    }

    /** The event type of the current Nex's feed: {@code ROOTFSBUILDPROGRESS}. */
    public String feedType() {
      return "ROOTFSBUILD" + name();
    }

    /** Whether no event of the build follows this one. */
    public boolean isLast() {
      return this == COMPLETED || this == FAILED || this == CANCELLED;
    }
  }

  /** Checks the range. */
  public BuildEvent {
    if (percent < 0 || percent > 100) {
      throw new IllegalArgumentException("percent: " + percent + " is not from 0 to 100");
    }
  }
}
