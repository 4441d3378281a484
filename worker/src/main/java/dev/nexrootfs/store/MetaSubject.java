package dev.nexrootfs.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nexrootfs.oci.Digest;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.PublishOptions;
import io.nats.client.PurgeOptions;
import io.nats.client.api.MessageInfo;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the meta message of one object stands: its last message decides which chunks are the
 * object.
 */
final class MetaSubject {
  private static final Logger LOG = LoggerFactory.getLogger(MetaSubject.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String DIGEST = "SHA-256=";

  /** One token of a subject: a purge by anything else could mean more than the chunks. */
  private static final Pattern TOKEN = Pattern.compile("[^.*>\\s]+");

  private static final int LOOKS = 10;
  private static final long PAUSE_SECONDS = 1;

  private final Connection connection;
  private final String bucket;
  private final String object;
  private final String subject;

  MetaSubject(Connection connection, String bucket, String object) {
    this.connection = connection;
    this.bucket = bucket;
    this.object = object;
    this.subject = subject(bucket, object);
  }

  /** Where what a bucket says of an object is published (ADR-20). */
  static String subject(String bucket, String object) {
    return "$O."
        + bucket
        + ".M."
        + Base64.getUrlEncoder().encodeToString(object.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * The last message.
   *
   * @param sequence its place in the stream; 0 for none
   * @param nuid the chunks that it makes visible, or a link's own; empty for none or a deleted
   *     object
   */
  private record Last(long sequence, Optional<String> nuid) {}

  /** A publish that was not answered: the message may be stored, or may come to be. */
  static final class UnansweredException extends IOException {
    private static final long serialVersionUID = 1L;

    UnansweredException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /**
   * Makes an object visible, unless one of the name is.
   *
   * @return the NUID of the object that is visible now: of {@code meta}, or of who was faster
   * @throws UnansweredException where nobody knows; then the chunks have to stay
   * @throws StoreException where the server refused; then nothing is visible
   */
  String publish(ObjectMeta meta) throws UnansweredException, StoreException {
    Message message = message(JSON.valueToTree(meta));
    try {
      Last last = last();
      if (last.nuid().isPresent()) {
        return last.nuid().get();
      }
      // A name that is empty or deleted has a known last sequence; whoever publishes first changes
      // it.
      PublishOptions first =
          PublishOptions.builder().expectedLastSubjectSequence(last.sequence()).build();
      return publish(message, first, meta.nuid());
    } catch (JetStreamApiException e) {
      throw failed(e);
    } catch (UnansweredException e) {
      throw e;
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private String publish(Message message, PublishOptions first, String nuid)
      throws IOException, JetStreamApiException {
    try {
      long sequence = connection.jetStream().publish(message, first).getSeqno();
      LOG.debug("object {} has meta sequence {}", object, sequence);
      return nuid;
    } catch (JetStreamApiException e) {
      if (ExpectedSequence.wasMissed(e)) {
        return last().nuid().orElseThrow(() -> e);
      }
      throw e;
    } catch (IOException e) {
      return awaitVisible(e);
    }
  }

  /** After a publish without an answer: looks until something is visible. */
  private String awaitVisible(IOException unanswered) throws UnansweredException {
    for (int look = 0; look < LOOKS && !Thread.currentThread().isInterrupted(); look++) {
      try {
        Optional<String> visible = last().nuid();
        if (visible.isPresent()) {
          return visible.get();
        }
      } catch (IOException e) {
        LOG.debug("object {}: still no answer: {}", object, e.getMessage());
      }
      LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(PAUSE_SECONDS));
    }
    throw new UnansweredException(
        "object "
            + object
            + " of bucket "
            + bucket
            + ": the server did not answer whether it is stored",
        unanswered);
  }

  /**
   * What was deleted.
   *
   * @param nuid the chunks that nobody can find any more; empty where there were none
   * @param tombstone what still has to be stored, for those who watch the bucket or mirror it
   */
  record Buried(Optional<String> nuid, Optional<Message> tombstone) {
    static final Buried NOTHING = new Buried(Optional.empty(), Optional.empty());
  }

  /**
   * Puts a tombstone in the place of an object or a link, as the stream's leader has it now; where
   * there is no room for one, nothing is put in its place yet.
   *
   * @throws IOException where the server does not answer, or others change the name all the time
   */
  Buried bury() throws IOException, JetStreamApiException {
    for (int look = 0; look < LOOKS; look++) {
      Optional<MessageInfo> last = leadersLast();
      if (last.isEmpty()
          || !(meta(last.get()) instanceof ObjectNode meta)
          || meta.path("deleted").asBoolean(false)) {
        return Buried.NOTHING;
      }
      String nuid = meta.path("nuid").asText("");
      Optional<String> chunks =
          Optional.of(nuid)
              .filter(n -> !meta.path("options").has("link") && TOKEN.matcher(n).matches());
      meta.put("deleted", true).put("size", 0).put("chunks", 0).remove("digest");
      Message tombstone = message(meta);
      PublishOptions unchanged =
          PublishOptions.builder().expectedLastSubjectSequence(last.get().getSeq()).build();
      try {
        long sequence = connection.jetStream().publish(tombstone, unchanged).getSeqno();
        LOG.debug("object {} has the tombstone {}", object, sequence);
        return new Buried(chunks, Optional.empty());
      } catch (JetStreamApiException e) {
        if (StorageLimit.isReached(e)) {
          if (erase(last.get().getSeq())) {
            return new Buried(chunks, Optional.of(tombstone));
          }
        } else if (!ExpectedSequence.wasMissed(e)) {
          throw e;
        }
      }
    }
    throw new IOException("it is changed by others all the time; it was not deleted");
  }

  /** Stores a tombstone that had no room, unless the name has a message again. */
  void mark(Message tombstone) throws IOException {
    try {
      PublishOptions first = PublishOptions.builder().expectedLastSubjectSequence(0).build();
      long sequence = connection.jetStream().publish(tombstone, first).getSeqno();
      LOG.debug("object {} has the tombstone {}", object, sequence);
    } catch (JetStreamApiException e) {
      if (ExpectedSequence.wasMissed(e)) {
        return;
      }
      // It is deleted all the same; a mirror keeps it.
      LOG.warn(
          "object {} of bucket {} is deleted without a tombstone: {}",
          object,
          bucket,
          e.getMessage());
    }
  }

  /**
   * Removes the message of a sequence, where there is no room for a tombstone.
   *
   * @return false where another message has taken its place
   */
  private boolean erase(long sequence) throws IOException, JetStreamApiException {
    PurgeOptions upToIt = PurgeOptions.builder().subject(subject).sequence(sequence + 1).build();
    return connection
            .jetStreamManagement()
            .purgeStream(Buckets.streamOf(bucket), upToIt)
            .getPurged()
        > 0;
  }

  private Message message(JsonNode meta) {
    return NatsMessage.builder()
        .subject(subject)
        .headers(new Headers().add("Nats-Rollup", "sub"))
        .data(meta.toString().getBytes(StandardCharsets.UTF_8))
        .build();
  }

  /**
   * What a name means: an object, or the one that a link leads to; none where it means nothing, or
   * a whole bucket.
   */
  record Meaning(Optional<StoredObject> object, Optional<ObjectLocation> link) {}

  /** What the stream's leader has here now. */
  Meaning meaning() throws IOException {
    return meaning(leadersLast());
  }

  private Meaning meaning(Optional<MessageInfo> last) throws IOException {
    JsonNode meta = last.isEmpty() ? MissingNode.getInstance() : meta(last.get());
    JsonNode link = meta.path("options").path("link");
    boolean isBucketLink = link.isObject() && link.path("name").asText("").isEmpty();
    if (meta.isMissingNode() || meta.path("deleted").asBoolean(false) || isBucketLink) {
      return new Meaning(Optional.empty(), Optional.empty());
    }
    if (link.isObject()) {
      ObjectLocation target =
          new ObjectLocation(
              link.path("bucket").asText(), link.path("name").asText(), Optional.empty());
      return new Meaning(Optional.empty(), Optional.of(target));
    }
    String digest = meta.path("digest").asText();
    if (!digest.regionMatches(true, 0, DIGEST, 0, DIGEST.length())) {
      throw new IOException(
          "object " + object + " of bucket " + bucket + " has no SHA-256 but \"" + digest + "\"");
    }
    StoredObject stored =
        new StoredObject(
            bucket,
            meta.path("name").asText(),
            meta.path("nuid").asText(),
            Digest.ofSha256(Base64.getUrlDecoder().decode(digest.substring(DIGEST.length()))),
            meta.path("size").asLong(),
            meta.path("chunks").asLong(),
            metadata(meta.path("metadata")));
    return new Meaning(Optional.of(stored), Optional.empty());
  }

  private static Map<String, String> metadata(JsonNode notes) {
    Map<String, String> metadata = new HashMap<>();
    notes.properties().forEach(note -> metadata.put(note.getKey(), note.getValue().asText()));
    return Map.copyOf(metadata);
  }

  /**
   * Makes the name lead to {@code target}, whatever it led to before.
   *
   * @return false where an object has the name, and keeps it
   * @throws IOException where the server does not answer, or others change the name all the time
   */
  boolean link(ObjectLocation target) throws IOException, JetStreamApiException {
    ObjectNode meta = JSON.createObjectNode();
    meta.put("name", object).put("bucket", bucket).put("nuid", NUID.nextGlobal());
    meta.put("size", 0).put("chunks", 0);
    meta.putObject("options")
        .putObject("link")
        .put("bucket", target.bucket())
        .put("name", target.object());
    for (int look = 0; look < LOOKS; look++) {
      Optional<MessageInfo> last = leadersLast();
      Meaning meaning = meaning(last);
      if (meaning.object().isPresent() || meaning.link().filter(target::equals).isPresent()) {
        return meaning.object().isEmpty();
      }
      PublishOptions unchanged =
          PublishOptions.builder()
              .expectedLastSubjectSequence(last.map(MessageInfo::getSeq).orElse(0L))
              .build();
      try {
        long sequence = connection.jetStream().publish(message(meta), unchanged).getSeqno();
        LOG.debug("link {} has the sequence {}", object, sequence);
        return true;
      } catch (JetStreamApiException e) {
        if (!ExpectedSequence.wasMissed(e)) {
          throw e;
        }
      }
    }
    throw new IOException("it is changed by others all the time; it was not linked");
  }

  private Last last() throws IOException {
    Optional<MessageInfo> message = leadersLast();
    if (message.isEmpty()) {
      return new Last(0, Optional.empty());
    }
    JsonNode meta = meta(message.get());
    String nuid = meta.path("nuid").asText("");
    boolean gone = meta.path("deleted").asBoolean(false) || nuid.isEmpty();
    return new Last(message.get().getSeq(), gone ? Optional.empty() : Optional.of(nuid));
  }

  private static JsonNode meta(MessageInfo message) throws IOException {
    byte[] data = message.getData();
    return data == null || data.length == 0 ? MissingNode.getInstance() : JSON.readTree(data);
  }

  private Optional<MessageInfo> leadersLast() throws IOException {
    try {
      return LeadersMessage.last(connection, Buckets.streamOf(bucket), subject);
    } catch (JetStreamApiException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private StoreException failed(Exception e) {
    if (e instanceof JetStreamApiException api && StorageLimit.isReached(api)) {
      return StorageLimit.bucketIsFull(bucket, api);
    }
    return new StoreException(
        StoreException.Reason.FAILED,
        "object " + object + " of bucket " + bucket + ": " + e.getMessage(),
        e);
  }
}
