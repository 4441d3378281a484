package dev.nexrootfs.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.nats.client.Connection;
import io.nats.client.Message;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Looks at objects without waiting: any number of questions cost one round trip. It reads what the
 * stream's leader has (JetStream API {@code STREAM.MSG.GET} and {@code STREAM.INFO}), never an
 * older copy.
 */
public final class Glance {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int NO_MESSAGE_FOUND = 10_037;
  private static final String DIGEST = "SHA-256=";

  private final Connection connection;
  private final Duration patience;

  /**
   * Looks through {@code connection}.
   *
   * @param patience after which a question counts as failed
   */
  public Glance(Connection connection, Duration patience) {
    this.connection = connection;
    this.patience = patience;
  }

  /**
   * What a bucket says of a name.
   *
   * @param nuid the name of its chunks; empty for a link
   * @param digest {@code sha256:…}; empty for a link
   * @param chunks how many there have to be
   * @param linksTo the object of the same bucket that a link leads to; empty for an object
   */
  public record Seen(String nuid, String digest, long chunks, String linksTo) {}

  /** What {@code bucket} has under {@code object}; the future fails where nobody can tell. */
  public CompletableFuture<Optional<Seen>> object(String bucket, String object) {
    Map<String, String> question = Map.of("last_by_subj", MetaSubject.subject(bucket, object));
    return ask("$JS.API.STREAM.MSG.GET." + Buckets.streamOf(bucket), question)
        .thenApply(answer -> seen(bucket, answer));
  }

  /** How many chunks of {@code nuid} there are. */
  public CompletableFuture<Long> chunks(String bucket, String nuid) {
    String subject = "$O." + bucket + ".C." + nuid;
    return ask(
            "$JS.API.STREAM.INFO." + Buckets.streamOf(bucket), Map.of("subjects_filter", subject))
        .thenApply(answer -> answer.path("state").path("subjects").path(subject).asLong(0));
  }

  private CompletableFuture<JsonNode> ask(String subject, Map<String, String> question) {
    byte[] body = JSON.valueToTree(question).toString().getBytes(StandardCharsets.UTF_8);
    return connection.requestWithTimeout(subject, body, patience).thenApply(Glance::document);
  }

  private static JsonNode document(Message answer) {
    try {
      JsonNode document = JSON.readTree(answer.getData());
      JsonNode error = document.path("error");
      if (!error.isMissingNode() && error.path("err_code").asInt() != NO_MESSAGE_FOUND) {
        throw new UncheckedIOException(new IOException(error.toString()));
      }
      return document;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Optional<Seen> seen(String bucket, JsonNode answer) {
    String data = answer.path("message").path("data").asText("");
    if (data.isEmpty()) {
      return Optional.empty();
    }
    try {
      JsonNode meta = JSON.readTree(Base64.getDecoder().decode(data));
      JsonNode link = meta.path("options").path("link");
      if (meta.path("deleted").asBoolean(false)) {
        return Optional.empty();
      }
      if (link.isObject()) {
        boolean here = link.path("bucket").asText().equals(bucket);
        return Optional.of(new Seen("", "", 0, here ? link.path("name").asText("") : ""));
      }
      return Optional.of(
          new Seen(
              meta.path("nuid").asText(),
              digest(meta.path("digest").asText()),
              meta.path("chunks").asLong(),
              ""));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String digest(String meta) {
    if (!meta.startsWith(DIGEST)) {
      return "";
    }
    byte[] hash = Base64.getUrlDecoder().decode(meta.substring(DIGEST.length()));
    return "sha256:" + HexFormat.of().formatHex(hash);
  }
}
