package dev.nexrootfs.store;

import dev.nexrootfs.oci.Digest;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.ObjectStore;
import io.nats.client.PurgeOptions;
import io.nats.client.api.ObjectInfo;
import io.nats.client.api.StreamConfiguration;
import io.nats.client.api.StreamInfoOptions;
import java.io.IOException;
import java.io.OutputStream;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One object store bucket: what is in it, and the way in and out. */
public final class ObjectBucket {
  private static final Logger LOG = LoggerFactory.getLogger(ObjectBucket.class);

  /** How the client marks what it found wrong with an object's bytes. */
  private static final String CORRUPT = "[OS-9020";

  private static final long REPLICA_SECONDS = 10;
  private static final long REPLICA_PAUSE_MILLIS = 50;

  private final Connection connection;
  private final String name;
  private final StreamConfiguration configuration;

  ObjectBucket(Connection connection, String name, StreamConfiguration configuration) {
    this.connection = connection;
    this.name = name;
    this.configuration = configuration;
  }

  /** The bucket's name. */
  public String name() {
    return name;
  }

  /** The most that the bucket may hold, bytes; -1 for no limit. */
  public long maxBytes() {
    return configuration.getMaxBytes();
  }

  /** The object of {@code object}; a link is no object. */
  public Optional<StoredObject> find(String object) throws StoreException {
    return info(object).filter(info -> !info.isLink()).map(this::stored);
  }

  /**
   * The object that {@code object} means now, by the stream's leader; a link is followed, also to
   * another bucket.
   */
  public Optional<PinnedObject> pin(String object) throws StoreException {
    try {
      MetaSubject.Meaning meaning = new MetaSubject(connection, name, object).meaning();
      if (meaning.link().isEmpty()) {
        return meaning.object();
      }
      ObjectLocation target = meaning.link().get();
      return new MetaSubject(connection, target.bucket(), target.object()).meaning().object();
    } catch (IOException | IllegalArgumentException e) {
      throw failed(object, e);
    }
  }

  /** Reads the bytes of {@code object}, as far as they have not been read. */
  public ObjectDownload download(PinnedObject object) {
    return new ObjectDownload(connection, object);
  }

  /** Whether a link may be made of {@code name}: nobody has it, or it is a link. */
  public boolean isFreeForLink(String name) throws StoreException {
    return info(name).map(ObjectInfo::isLink).orElse(true);
  }

  /**
   * The object of {@code object}, if all of its chunks are there; without one, nobody could read
   * it.
   */
  public Optional<StoredObject> findWhole(String object) throws StoreException {
    Optional<ObjectInfo> info = info(object).filter(found -> !found.isLink());
    if (info.isEmpty()) {
      return Optional.empty();
    }
    String chunks = "$O." + name + ".C." + info.get().getNuid();
    try {
      long stored =
          connection
              .jetStreamManagement()
              .getStreamInfo(Buckets.streamOf(name), StreamInfoOptions.filterSubjects(chunks))
              .getStreamState()
              .getSubjectMap()
              .getOrDefault(chunks, 0L);
      return stored == info.get().getChunks() ? info.map(this::stored) : Optional.empty();
    } catch (JetStreamApiException e) {
      throw failed(object, e);
    } catch (IOException e) {
      throw failed(object, e);
    }
  }

  /**
   * Stores an object under a name that nobody has; where somebody has it already, what is there
   * stays and is returned.
   *
   * @param metadata what to note about it
   * @param progress is told the bytes that the server has acknowledged
   * @throws StoreException after all tries; then nothing is visible
   * @throws IOException where {@code source} cannot be read; then nothing is visible
   */
  public StoredObject putIfAbsent(
      String object,
      String description,
      Map<String, String> metadata,
      ObjectSource source,
      LongConsumer progress)
      throws IOException {
    return putIfAbsent(object, description, metadata, source, progress, Fence.NONE);
  }

  /** The same, where {@code fence} is asked before the object becomes visible. */
  public StoredObject putIfAbsent(
      String object,
      String description,
      Map<String, String> metadata,
      ObjectSource source,
      LongConsumer progress,
      Fence fence)
      throws IOException {
    Optional<StoredObject> present = findWhole(object);
    if (present.isPresent()) {
      return present.get();
    }
    if (find(object).isPresent()) {
      LOG.warn("object {} of bucket {} has lost chunks; it is stored again", object, name);
      delete(object);
    }
    return new ObjectWriter(connection, name, fence)
        .write(object, description, metadata, source, progress);
  }

  /** Gives the object {@code target} a further, mutable name. */
  public void link(String link, String target) throws StoreException {
    try {
      ObjectInfo info = info(target).orElseThrow(() -> noObject(target));
      store().addLink(link, info);
    } catch (JetStreamApiException e) {
      throw failed(link, e);
    } catch (StoreException e) {
      throw e;
    } catch (IOException | IllegalArgumentException | IllegalStateException e) {
      throw failed(link, e);
    }
  }

  /**
   * Copies an object's bytes; a link is followed. The bytes can only be trusted after this returns.
   *
   * @return the object that was read
   * @throws StoreException where the bytes are not what was stored, or end too early
   */
  public StoredObject get(String object, OutputStream target) throws StoreException {
    if (info(object).isEmpty()) {
      throw noObject(object);
    }
    try {
      return stored(store().get(object, target));
    } catch (JetStreamApiException e) {
      throw failed(object, e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no SHA-256", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failed(object, e);
    } catch (StoreException e) {
      throw e;
    } catch (IOException | IllegalArgumentException | IllegalStateException e) {
      boolean corrupt = String.valueOf(e.getMessage()).contains(CORRUPT);
      throw new StoreException(
          corrupt ? StoreException.Reason.CORRUPT : StoreException.Reason.FAILED,
          "object " + object + " of bucket " + name + " cannot be read whole: " + e.getMessage(),
          e);
    }
  }

  /** Deletes the objects that were stored longest ago, until {@code bytes} fit under the limit. */
  public void makeRoom(long bytes) throws StoreException {
    try {
      long used =
          connection
              .jetStreamManagement()
              .getStreamInfo(Buckets.streamOf(name))
              .getStreamState()
              .getByteCount();
      if (used + bytes <= maxBytes() - maxBytes() / 16) {
        return; // headers and metadata count too
      }
      List<ObjectInfo> oldestFirst = new ArrayList<>(store().getList());
      oldestFirst.sort(
          Comparator.comparing(
              ObjectInfo::getModified, Comparator.nullsFirst(Comparator.naturalOrder())));
      for (ObjectInfo info : oldestFirst) {
        if (used + bytes <= maxBytes() - maxBytes() / 16) {
          return;
        }
        delete(info.getObjectName());
        used -= info.getSize();
      }
    } catch (JetStreamApiException e) {
      throw failed("", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failed("", e);
    } catch (StoreException e) {
      throw e;
    } catch (IOException e) {
      throw failed("", e);
    }
  }

  /**
   * Deletes an object or a link; it may have been deleted already. The client's own delete asks any
   * replica what there is, and one that is behind knows of nothing, or of an older object.
   */
  public void delete(String object) throws StoreException {
    try {
      MetaSubject meta = new MetaSubject(connection, name, object);
      MetaSubject.Buried buried = meta.bury();
      if (buried.nuid().isPresent()) {
        String chunks = "$O." + name + ".C." + buried.nuid().get();
        var purged =
            connection
                .jetStreamManagement()
                .purgeStream(
                    Buckets.streamOf(name), PurgeOptions.builder().subject(chunks).build());
        LOG.debug("object {} of bucket {} had {} chunks", object, name, purged.getPurged());
      }
      if (buried.tombstone().isPresent()) {
        meta.mark(buried.tombstone().get());
      }
    } catch (JetStreamApiException e) {
      throw failed(object, e);
    } catch (IOException | IllegalStateException e) {
      throw failed(object, e);
    }
  }

  /** What the bucket has under a name; a replica that has not heard of it yet is asked again. */
  private Optional<ObjectInfo> info(String object) throws StoreException {
    MetaSubject meta = new MetaSubject(connection, name, object);
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(REPLICA_SECONDS);
    try {
      while (true) {
        ObjectInfo info = store().getInfo(object);
        if (info != null || !meta.isThere() || System.nanoTime() > deadline) {
          return Optional.ofNullable(info);
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(REPLICA_PAUSE_MILLIS));
      }
    } catch (JetStreamApiException e) {
      throw failed(object, e);
    } catch (IOException | IllegalArgumentException e) {
      throw failed(object, e);
    }
  }

  private ObjectStore store() throws IOException {
    return connection.objectStore(name);
  }

  private StoredObject stored(ObjectInfo info) {
    Map<String, String> metadata = info.getObjectMeta().getMetadata();
    String digest = String.valueOf(info.getDigest());
    byte[] hash = Base64.getUrlDecoder().decode(digest.substring(digest.indexOf('=') + 1));
    return new StoredObject(
        name,
        info.getObjectName(),
        Digest.ofSha256(hash),
        info.getSize(),
        metadata == null ? Map.of() : Map.copyOf(metadata));
  }

  private StoreException noObject(String object) {
    return new StoreException(
        StoreException.Reason.NO_OBJECT, "bucket " + name + " holds no object " + object, null);
  }

  private StoreException failed(String object, Exception e) {
    if (e instanceof JetStreamApiException api && StorageLimit.isReached(api)) {
      return StorageLimit.bucketIsFull(name, api);
    }
    return new StoreException(
        StoreException.Reason.FAILED,
        "object " + object + " of bucket " + name + ": " + e.getMessage(),
        e);
  }
}
