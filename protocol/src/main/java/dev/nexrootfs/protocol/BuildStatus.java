package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/**
 * How far one request is: the answer on {@link Subjects#status()}, and the first answer of {@link
 * ReplyMode#ACCEPTED}.
 *
 * @param id the build's id
 * @param namespace the Nex namespace of the events
 * @param state how far
 * @param phase as in events
 * @param percent 0 to 100
 * @param image the base image as requested
 * @param message one line for a person
 * @param updated when this was so, RFC 3339, UTC
 * @param fingerprint hexadecimal SHA-256 of what was asked for: requests of one are one build
 * @param key {@code sha256:…} of everything that decides the image's bytes, once known
 * @param worker who builds, or has built
 * @param tries how often a worker has begun
 * @param reply the answer of a build that is completed
 * @param error the answer of one that failed or was cancelled
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record BuildStatus(
    String id,
    String namespace,
    BuildState state,
    String phase,
    int percent,
    String image,
    String message,
    String updated,
    String fingerprint,
    @Nullable String key,
    @Nullable String worker,
    int tries,
    @Nullable BuildReply reply,
    ErrorBody.@Nullable Detail error) {}
