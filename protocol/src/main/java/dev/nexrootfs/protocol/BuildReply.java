package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The one answer to a request that succeeded.
 *
 * @param id the build's id, as in its events
 * @param key {@code sha256:…} of everything that decides the image's bytes
 * @param bucket the object store bucket
 * @param object the object's name, which never changes its meaning: {@code build_} and the key's
 *     digits
 * @param location {@code nats://BUCKET/object}, as Nex 0.2 reads it
 * @param links mutable names of the same object: {@code name_tag} and {@code name}
 * @param digest {@code sha256:…} of the image
 * @param size bytes of the image
 * @param freeBytes bytes that content can still take in the image
 * @param platform the platform that was built for
 * @param baseManifest {@code sha256:…} of the base image's manifest
 * @param cached whether the object was there already
 * @param durations milliseconds by phase: {@code resolve}, {@code layers}, {@code script}, {@code
 *     plan}, {@code store}, {@code total}
 * @param worker the worker that answers
 * @param warnings what the requester should know, though the build succeeded
 * @param findings what stands in the way of booting the image and starting the agent
 * @param script what the script did; null where there is none, or the image was there already
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record BuildReply(
    String id,
    String key,
    String bucket,
    String object,
    String location,
    List<String> links,
    String digest,
    long size,
    long freeBytes,
    String platform,
    String baseManifest,
    boolean cached,
    Map<String, Long> durations,
    String worker,
    List<String> warnings,
    List<Finding> findings,
    @Nullable ScriptReport script) {
  /** Copies the collections. */
  public BuildReply {
    links = List.copyOf(links);
    warnings = List.copyOf(warnings);
    // Replies of earlier workers have none.
    findings = findings == null ? List.of() : List.copyOf(findings);
  }

  /** The same answer to another request. */
  public BuildReply withId(String other) {
    return copy(other, cached, durations, worker);
  }

  /** The answer of {@code otherWorker}, which found the image there. */
  public BuildReply asHit(String other, String otherWorker, long millis) {
    return copy(other, true, Map.of("total", millis), otherWorker);
  }

  private BuildReply copy(
      String copyId, boolean copyCached, Map<String, Long> copyDurations, String copyWorker) {
    return new BuildReply(
        copyId,
        key,
        bucket,
        object,
        location,
        links,
        digest,
        size,
        freeBytes,
        platform,
        baseManifest,
        copyCached,
        copyDurations,
        copyWorker,
        warnings,
        findings,
        script);
  }
}
