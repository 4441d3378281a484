package dev.nexrootfs.store;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.PurgeOptions;
import io.nats.client.api.ConsumerInfo;
import io.nats.client.api.MessageInfo;
import io.nats.client.api.StreamInfoOptions;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds what can leave a bucket: chunks of uploads that never became an object, and images that
 * nobody needs. What a link leads to, what is being read, what somebody holds and what is young
 * stays, whatever the limits say.
 */
public final class BucketSweep {
  private static final Logger LOG = LoggerFactory.getLogger(BucketSweep.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What is younger may be an upload under way, or an image whose links are not made yet. */
  public static final Duration YOUNG = Duration.ofHours(1);

  private static final String DIGEST = ".sha256";
  private static final Duration LOOKS_APART = Duration.ofSeconds(1);

  private final Connection connection;
  private final String bucket;

  /** Looks at {@code bucket} through {@code connection}. */
  public BucketSweep(Connection connection, String bucket) {
    this.connection = connection;
    this.bucket = bucket;
  }

  /**
   * What may stay.
   *
   * @param maxBytes bytes of images in all, -1 for no limit; the ones stored longest ago go first
   * @param maxAge of an image; empty for no limit
   * @param young what is younger stays
   * @param isMirror whether the bucket is the mirror of another, which it may be far behind: its
   *     time is that of its last message
   */
  public record Policy(long maxBytes, Optional<Duration> maxAge, Duration young, boolean isMirror) {
    /** Only the chunks of uploads that were cut off. */
    public static final Policy ORPHANS = new Policy(-1, Optional.empty(), YOUNG, false);

    /** What has left the bucket that this one mirrors. */
    public static Policy ofMirror(Duration young) {
      return new Policy(-1, Optional.empty(), young, true);
    }
  }

  /**
   * Something that can go.
   *
   * @param object the image's name; empty for chunks that belong to none
   * @param nuid what its chunks are called
   * @param bytes its size
   * @param stored when its last message was stored
   */
  public record Candidate(String object, String nuid, long bytes, Instant stored) {
    /** Whether it is what an upload left over. */
    public boolean isOrphan() {
      return object.isEmpty();
    }
  }

  /** Why something stays that is too old or too much. */
  public enum Reason {
    /** A name leads to it. */
    LINKED,
    /** It is younger than {@link Policy#young}. */
    YOUNG,
    /** Somebody reads it. */
    READ,
    /** Somebody holds it. */
    HELD
  }

  /**
   * What a bucket has to give.
   *
   * @param candidates what can go
   * @param kept the objects that are too old or too many, and stay
   */
  public record Found(List<Candidate> candidates, Map<String, Reason> kept) {
    /** Copies both. */
    public Found {
      candidates = List.copyOf(candidates);
      kept = Map.copyOf(kept);
    }
  }

  /** What a name stands for. */
  private record Entry(String object, String nuid, long bytes, Instant stored, String linksTo) {}

  /**
   * Finds what can go, without touching it.
   *
   * @param isHeld whether somebody needs the object of a name
   */
  public Found find(Policy policy, Predicate<String> isHeld) throws StoreException {
    try {
      Instant young = now(policy).minus(policy.young());
      Map<String, Long> chunks = subjects("C");
      List<Entry> entries = entries();
      List<Candidate> candidates = new ArrayList<>(orphans(chunks, entries, young));
      Map<String, Reason> kept = new HashMap<>();
      if (policy.maxBytes() >= 0 || policy.maxAge().isPresent()) {
        candidates.addAll(images(policy, entries, young, isHeld, kept));
      }
      return candidates.isEmpty() ? new Found(candidates, kept) : confirmed(candidates, kept);
    } catch (JetStreamApiException | IOException e) {
      throw failed(e);
    }
  }

  /**
   * A mirror's messages have the times of their origin, and a mirror may be days behind: chunks
   * that are old by the clock may wait for the message that names them.
   */
  private Instant now(Policy policy) throws IOException, JetStreamApiException {
    if (!policy.isMirror()) {
      return Instant.now();
    }
    ZonedDateTime last =
        management().getStreamInfo(Buckets.streamOf(bucket)).getStreamState().getLastTime();
    return last == null ? Instant.EPOCH : last.toInstant();
  }

  /** A server can say for a moment that a name is not there: what goes was not needed twice. */
  private Found confirmed(List<Candidate> candidates, Map<String, Reason> kept)
      throws IOException, JetStreamApiException {
    try {
      Thread.sleep(LOOKS_APART.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted between two looks", e);
    }
    List<Entry> entries = entries();
    Set<String> owned = owned(entries);
    Set<String> linked = linked(entries);
    List<Candidate> confirmed = new ArrayList<>();
    for (Candidate candidate : candidates) {
      if (!candidate.isOrphan() && isLinked(candidate.object(), linked)) {
        kept.put(candidate.object(), Reason.LINKED);
      } else if (!candidate.isOrphan() || !owned.contains(candidate.nuid())) {
        confirmed.add(candidate);
      }
    }
    return new Found(confirmed, kept);
  }

  private static Set<String> owned(List<Entry> entries) {
    Set<String> owned = new HashSet<>();
    entries.forEach(entry -> owned.add(entry.nuid()));
    return owned;
  }

  private static Set<String> linked(List<Entry> entries) {
    Set<String> linked = new HashSet<>();
    entries.forEach(entry -> linked.add(entry.linksTo()));
    return linked;
  }

  /** By a name of its own, or of the image, or of its digest, or of what it is the digest of. */
  private static boolean isLinked(String object, Set<String> linked) {
    return linked.contains(object)
        || linked.contains(object + DIGEST)
        || (object.endsWith(DIGEST) && linked.contains(withoutDigest(object)))
        || linked.contains(original(object));
  }

  private List<Candidate> orphans(Map<String, Long> chunks, List<Entry> entries, Instant young)
      throws IOException, JetStreamApiException {
    Set<String> owned = owned(entries);
    List<Candidate> orphans = new ArrayList<>();
    for (Map.Entry<String, Long> subject : chunks.entrySet()) {
      String nuid = subject.getKey().substring(("$O." + bucket + ".C.").length());
      Optional<MessageInfo> last = owned.contains(nuid) ? Optional.empty() : last(subject.getKey());
      if (last.isPresent() && last.get().getTime().toInstant().isBefore(young)) {
        byte[] data = last.get().getData();
        long bytes = subject.getValue() * (data == null ? 0 : data.length);
        orphans.add(new Candidate("", nuid, bytes, last.get().getTime().toInstant()));
      }
    }
    return orphans;
  }

  private List<Candidate> images(
      Policy policy,
      List<Entry> entries,
      Instant young,
      Predicate<String> isHeld,
      Map<String, Reason> kept)
      throws IOException, JetStreamApiException {
    Set<String> linked = linked(entries);
    Set<String> read = chunksBeingRead();
    long total = entries.stream().mapToLong(Entry::bytes).sum();
    List<Entry> oldestFirst = new ArrayList<>(entries);
    oldestFirst.sort(Comparator.comparing(Entry::stored));
    Map<String, Entry> byName = new HashMap<>();
    entries.forEach(entry -> byName.put(entry.object(), entry));
    List<Candidate> found = new ArrayList<>();
    for (Entry entry : oldestFirst) {
      if (entry.object().endsWith(DIGEST) && byName.containsKey(withoutDigest(entry.object()))) {
        continue; // goes with what it is the digest of
      }
      boolean tooOld =
          policy.maxAge().isPresent()
              && entry.stored().isBefore(Instant.now().minus(policy.maxAge().get()));
      boolean tooMuch = policy.maxBytes() >= 0 && total > policy.maxBytes();
      if ((tooOld || tooMuch) && entry.linksTo().isEmpty()) {
        List<Entry> parts = parts(entry, byName);
        Optional<Reason> reason =
            parts.stream()
                .flatMap(part -> reason(part, young, linked, read, isHeld).stream())
                .findFirst();
        if (reason.isPresent()) {
          kept.put(entry.object(), reason.get());
        } else {
          // First the digest: whoever sees one sees what it is of.
          for (Entry part : parts) {
            found.add(new Candidate(part.object(), part.nuid(), part.bytes(), part.stored()));
            total -= part.bytes();
          }
        }
      }
    }
    return found;
  }

  /** A compressed image goes with its digest, all else alone. */
  private static List<Entry> parts(Entry entry, Map<String, Entry> byName) {
    Entry digest = byName.get(entry.object() + DIGEST);
    return digest == null ? List.of(entry) : List.of(digest, entry);
  }

  private static String withoutDigest(String object) {
    return object.substring(0, object.length() - DIGEST.length());
  }

  private static Optional<Reason> reason(
      Entry entry, Instant young, Set<String> linked, Set<String> read, Predicate<String> isHeld) {
    if (!entry.stored().isBefore(young)) {
      return Optional.of(Reason.YOUNG);
    }
    if (isLinked(entry.object(), linked)) {
      return Optional.of(Reason.LINKED);
    }
    if (read.contains(entry.nuid())) {
      return Optional.of(Reason.READ);
    }
    return isHeld.test(original(entry.object())) ? Optional.of(Reason.HELD) : Optional.empty();
  }

  /** The image of which an object is another form. */
  private static String original(String object) {
    return object.replaceFirst("\\.ext4\\.gz(\\.sha256)?$", "");
  }

  /** Whoever reads an object has a consumer of its chunks, unless the leader has to be asked. */
  private Set<String> chunksBeingRead() throws IOException, JetStreamApiException {
    String chunks = "$O." + bucket + ".C.";
    Set<String> read = new HashSet<>();
    for (ConsumerInfo consumer : management().getConsumers(Buckets.streamOf(bucket))) {
      String filter = consumer.getConsumerConfiguration().getFilterSubject();
      if (filter != null && filter.startsWith(chunks)) {
        read.add(filter.substring(chunks.length()));
      }
    }
    return read;
  }

  private List<Entry> entries() throws IOException, JetStreamApiException {
    List<Entry> entries = new ArrayList<>();
    for (String subject : subjects("M").keySet()) {
      Optional<MessageInfo> last = last(subject);
      if (last.isPresent()) {
        JsonNode meta = JSON.readTree(last.get().getData());
        if (!meta.path("deleted").asBoolean(false)) {
          entries.add(
              new Entry(
                  meta.path("name").asText(),
                  meta.path("nuid").asText(),
                  meta.path("size").asLong(),
                  last.get().getTime().toInstant(),
                  meta.path("options").path("link").path("name").asText("")));
        }
      }
    }
    return entries;
  }

  private Map<String, Long> subjects(String kind) throws IOException, JetStreamApiException {
    return management()
        .getStreamInfo(
            Buckets.streamOf(bucket),
            StreamInfoOptions.filterSubjects("$O." + bucket + "." + kind + ".>"))
        .getStreamState()
        .getSubjectMap();
  }

  /** None where the subject's messages have been deleted meanwhile. */
  private Optional<MessageInfo> last(String subject) throws IOException, JetStreamApiException {
    return LeadersMessage.last(connection, Buckets.streamOf(bucket), subject);
  }

  /**
   * Deletes what {@link #find} has found, where nobody has come to need it since; first the name,
   * so that nobody begins to read it.
   *
   * @param isHeld as for {@link #find}; it is asked once more
   * @return whether it is gone
   */
  public boolean delete(Candidate candidate, Predicate<String> isHeld) throws StoreException {
    if (!candidate.isOrphan()) {
      if (isHeld.test(original(candidate.object()))) {
        return false;
      }
      new Buckets(connection).open(bucket).delete(candidate.object());
      return true;
    }
    try {
      String chunks = "$O." + bucket + ".C." + candidate.nuid();
      var response =
          management()
              .purgeStream(
                  Buckets.streamOf(bucket), PurgeOptions.builder().subject(chunks).build());
      LOG.info(
          "bucket {}: {} chunks of an upload that was cut off are gone",
          bucket,
          response.getPurged());
      return true;
    } catch (JetStreamApiException | IOException e) {
      throw failed(e);
    }
  }

  private JetStreamManagement management() throws IOException {
    return connection.jetStreamManagement();
  }

  private StoreException failed(Exception e) {
    return new StoreException(
        StoreException.Reason.FAILED, "bucket " + bucket + ": " + e.getMessage(), e);
  }
}
