package dev.nexrootfs.service;

import dev.nexrootfs.build.Dependencies;
import dev.nexrootfs.build.Failures;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildState;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.store.ExpectedSequence;
import dev.nexrootfs.store.LeadersMessage;
import dev.nexrootfs.store.StorageLimit;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.KeyValue;
import io.nats.client.api.MessageInfo;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The state of builds, in a key-value bucket whose entries expire:
 *
 * <ul>
 *   <li>{@code build.ID}: a {@link BuildStatus}, for whoever asks and watches
 *   <li>{@code progress.ID}: how far the build is, as its worker says now and then; what counts is
 *       the entry before, so that a word that comes late undoes no end
 *   <li>{@code job.NAMESPACE.FINGERPRINT}: the status in which the build ended that was queued so,
 *       for those who wait for it
 *   <li>{@code key.HEX}: the id of the build that was begun last for a build key
 *   <li>{@code cancel.ID}: the code of the error with which a build is to stop
 *   <li>{@code hit.FINGERPRINT}: a {@link Hit}
 *   <li>{@code used.OBJECT}: an image that a request was answered with, as long as entries live
 * </ul>
 */
final class BuildRecords {
  private static final Logger LOG = LoggerFactory.getLogger(BuildRecords.class);
  private static final int MAX_LATE = 1024;
  private static final int STREAM_NOT_FOUND = 10_059;

  private final Connection store;
  private final String bucket;
  private final List<BiConsumer<String, byte[]>> listeners = new CopyOnWriteArrayList<>();
  private final Map<String, Object> late = new ConcurrentHashMap<>();
  private volatile @Nullable KeyValue entries;

  BuildRecords(Connection store, String bucket) {
    this.store = store;
    this.bucket = bucket;
  }

  /**
   * What a request came to, and what that depends on: the same request has the same result as long
   * as the object is there and the dependencies are what they were.
   *
   * @param nuid what the object's chunks are called, where it was looked at before: then object and
   *     chunks are looked at together
   */
  record Hit(BuildReply reply, Dependencies dependencies, @Nullable String nuid) {}

  /** A status, and when the server took it. */
  record Entry(BuildStatus status, Instant at) {}

  /** Hears of changes, before they are stored: the bucket's subjects are plain subjects, too. */
  void listen() {
    String prefix = "$KV." + bucket + ".";
    store
        .createDispatcher(
            message -> {
              String key = message.getSubject().substring(prefix.length());
              listeners.forEach(listener -> listener.accept(key, message.getData()));
            })
        .subscribe(prefix + ">");
  }

  /** Calls {@code listener} with every key that changes and its value; it returns at once. */
  void onChange(BiConsumer<String, byte[]> listener) {
    listeners.add(listener);
  }

  static String buildKey(String id) {
    return "build." + id;
  }

  static String progressKey(String id) {
    return "progress." + id;
  }

  static String jobKey(String namespace, String fingerprint) {
    return "job." + namespace + "." + fingerprint;
  }

  static String cancelKey(String id) {
    return "cancel." + id;
  }

  static String hitKey(String fingerprint) {
    return "hit." + fingerprint;
  }

  static String usedKey(String object) {
    return "used." + object;
  }

  static String keyKey(String key) {
    return "key." + key.replaceFirst("^sha256:", "");
  }

  /** What the build has come to: queued, in a worker's hands, or its end. */
  Optional<BuildStatus> status(String id) throws RequestException {
    return read(buildKey(id)).map(Entry::status);
  }

  /** The same, and how far the build is, for those who want to know. */
  Optional<BuildStatus> progress(String id) throws RequestException {
    Optional<BuildStatus> status = status(id);
    if (status.isEmpty() || status.get().state() != BuildState.RUNNING) {
      return status;
    }
    int tries = status.get().tries();
    return read(progressKey(id))
        .map(Entry::status)
        .filter(progress -> progress.tries() == tries)
        .or(() -> status);
  }

  Optional<Entry> ended(String namespace, String fingerprint) throws RequestException {
    return read(jobKey(namespace, fingerprint));
  }

  private Optional<Entry> read(String key) throws RequestException {
    Optional<MessageInfo> entry = get(key);
    if (entry.isEmpty()) {
      return Optional.empty();
    }
    try {
      BuildStatus status = Protocol.read(valueOf(entry.get()), BuildStatus.class);
      return Optional.of(new Entry(status, entry.get().getTime().toInstant()));
    } catch (IOException e) {
      LOG.warn("the record {} is no status and counts as missing: {}", key, e.getMessage());
      return Optional.empty();
    }
  }

  Optional<Hit> hit(String fingerprint) throws RequestException {
    Optional<MessageInfo> entry = get(hitKey(fingerprint));
    if (entry.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(Protocol.read(valueOf(entry.get()), Hit.class));
    } catch (IOException e) {
      LOG.warn(
          "the record of {} cannot be read and counts as missing: {}", fingerprint, e.toString());
      return Optional.empty();
    }
  }

  Optional<String> text(String key) throws RequestException {
    return get(key).map(entry -> new String(valueOf(entry), StandardCharsets.UTF_8));
  }

  private static byte[] valueOf(MessageInfo entry) {
    byte[] value = entry.getData();
    return value == null ? new byte[0] : value;
  }

  /** Nothing is ever deleted here; entries expire. */
  private Optional<MessageInfo> get(String key) throws RequestException {
    try {
      return LeadersMessage.last(store, "KV_" + bucket, "$KV." + bucket + "." + key);
    } catch (IOException | JetStreamApiException | IllegalStateException e) {
      throw failed(e);
    }
  }

  void put(String key, Object document) throws RequestException {
    try {
      long revision = entries().put(key, Protocol.write(document));
      LOG.trace("record {} has revision {}", key, revision);
    } catch (IOException | JetStreamApiException | IllegalStateException e) {
      throw failed(e);
    }
  }

  /** Stores a document as soon as the bucket takes it: at the next {@link #catchUp}, or later. */
  void putLater(String key, Object document) {
    if (late.size() < MAX_LATE) {
      late.put(key, document);
    } else {
      LOG.warn("record {} is not written: {} others wait for the bucket already", key, MAX_LATE);
    }
  }

  /** Stores what the bucket did not take. */
  void catchUp() {
    for (Map.Entry<String, Object> entry : List.copyOf(late.entrySet())) {
      try {
        put(entry.getKey(), entry.getValue());
        late.remove(entry.getKey(), entry.getValue());
      } catch (RequestException e) {
        LOG.debug("record {} waits on: {}", entry.getKey(), e.line());
        return;
      }
    }
  }

  void putText(String key, String text) throws RequestException {
    try {
      long revision = entries().put(key, text.getBytes(StandardCharsets.UTF_8));
      LOG.trace("record {} has revision {}", key, revision);
    } catch (IOException | JetStreamApiException | IllegalStateException e) {
      throw failed(e);
    }
  }

  /**
   * Stores a status whose id nobody has used; whether nobody had. To create it again, where the
   * answer was lost, does no harm.
   */
  boolean create(BuildStatus status) throws RequestException {
    byte[] value = Protocol.write(status);
    try {
      long revision = entries().update(buildKey(status.id()), value, 0);
      LOG.trace("build {} has revision {}", status.id(), revision);
      return true;
    } catch (JetStreamApiException e) {
      if (ExpectedSequence.wasMissed(e)) {
        return get(buildKey(status.id()))
            .filter(entry -> Arrays.equals(valueOf(entry), value))
            .isPresent();
      }
      throw failed(e);
    } catch (IOException | IllegalStateException e) {
      throw failed(e);
    }
  }

  /** Stores a status without waiting: the next one will do as well. */
  void note(String key, Object document) {
    try {
      store.publish("$KV." + bucket + "." + key, Protocol.write(document));
    } catch (IllegalStateException | IllegalArgumentException e) {
      LOG.debug("record {} not written: {}", key, e.getMessage());
    }
  }

  private KeyValue entries() throws IOException {
    KeyValue open = entries;
    if (open == null) {
      open = store.keyValue(bucket);
      entries = open;
    }
    return open;
  }

  private RequestException failed(Exception e) {
    if (isMissing(e)) {
      return new RequestException(
          ErrorCode.NO_BUCKET,
          "the key-value bucket "
              + bucket
              + " does not exist; an administrator makes it with nex-rootfs setup",
          e);
    }
    if (e instanceof JetStreamApiException api && StorageLimit.isReached(api)) {
      return new RequestException(
          ErrorCode.BUCKET_FULL,
          "the key-value bucket "
              + bucket
              + " takes no more: "
              + e.getMessage()
              + "; "
              + StorageLimit.REMEDY,
          e);
    }
    if (!store.getServerInfo().isJetStreamAvailable()) {
      return new RequestException(
          ErrorCode.NO_JETSTREAM,
          "the NATS server has no JetStream; enable it (nats-server -js)",
          e);
    }
    return new RequestException(
        ErrorCode.STORE_FAILED,
        "the key-value bucket " + bucket + " cannot be reached: " + Failures.message(e),
        e);
  }

  /** Without the bucket's stream nobody answers; only a question about it tells. */
  private boolean isMissing(Exception e) {
    if (e instanceof JetStreamApiException api) {
      return api.getApiErrorCode() == STREAM_NOT_FOUND;
    }
    try {
      var present = store.jetStreamManagement().getStreamInfo("KV_" + bucket);
      LOG.debug("{} exists since {}", bucket, present.getCreateTime());
      return false;
    } catch (JetStreamApiException answer) {
      return answer.getApiErrorCode() == STREAM_NOT_FOUND;
    } catch (IOException | IllegalStateException none) {
      return false;
    }
  }
}
