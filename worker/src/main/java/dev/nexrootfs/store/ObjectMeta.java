package dev.nexrootfs.store;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Map;

/**
 * The meta message of an object (ADR-20).
 *
 * @param name the object's name
 * @param description for a person
 * @param metadata what its writer notes
 * @param options how it is chunked
 * @param bucket the bucket
 * @param nuid the last token of the chunks' subject
 * @param size bytes
 * @param chunks how many messages they are
 * @param digest {@code SHA-256=} and the URL-safe base64 of the hash, padded
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
record ObjectMeta(
    String name,
    String description,
    Map<String, String> metadata,
    Options options,
    String bucket,
    String nuid,
    @JsonInclude(JsonInclude.Include.ALWAYS) long size,
    @JsonInclude(JsonInclude.Include.ALWAYS) long chunks,
    String digest) {
  /** How an object is chunked. */
  record Options(@JsonProperty("max_chunk_size") int maxChunkSize) {}
}
