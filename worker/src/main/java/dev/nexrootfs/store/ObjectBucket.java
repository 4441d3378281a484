package dev.nexrootfs.store;

import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.ObjectStore;
import io.nats.client.PurgeOptions;
import io.nats.client.api.ObjectInfo;
import io.nats.client.api.StreamConfiguration;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One object store bucket: what is in it, and the way in and out. */
public final class ObjectBucket {
  private static final Logger LOG = LoggerFactory.getLogger(ObjectBucket.class);

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
    return meaning(object).object();
  }

  /** The place of what {@code object} means now: its own, or where a link leads. */
  public Optional<ObjectLocation> locate(String object) throws StoreException {
    MetaSubject.Meaning meaning = meaning(object);
    return meaning.link().or(() -> meaning.object().map(ObjectLocation::of));
  }

  /** The object that {@code object} means now; a link is followed, also to another bucket. */
  public Optional<StoredObject> resolve(String object) throws StoreException {
    MetaSubject.Meaning meaning = meaning(object);
    if (meaning.link().isEmpty()) {
      return meaning.object();
    }
    ObjectLocation target = meaning.link().get();
    ObjectBucket there =
        target.bucket().equals(name) ? this : new Buckets(connection).open(target.bucket());
    return there.find(target.object());
  }

  /** Reads the bytes of {@code object}, as far as they have not been read. */
  public ObjectDownload download(StoredObject object, ObjectDownload.Way way) {
    return new ObjectDownload(connection, object, way);
  }

  /** Whether a link may be made of {@code link}: nobody has it, or it is a link. */
  public boolean isFreeForLink(String link) throws StoreException {
    return find(link).isEmpty();
  }

  /**
   * The object of {@code object}, if all of its chunks are there; without one, nobody could read
   * it.
   */
  public Optional<StoredObject> findWhole(String object) throws StoreException {
    Optional<StoredObject> found = find(object);
    try {
      if (found.isEmpty()) {
        return found;
      }
      StoredObject stored = found.get();
      long missing = ChunkCount.missing(connection, name, stored.nuid(), stored.chunks());
      return missing == 0 ? found : Optional.empty();
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
    StoredObject object = find(target).orElseThrow(() -> noObject(target));
    ObjectLocation location = ObjectLocation.of(object);
    try {
      if (!new MetaSubject(connection, name, link).link(location)) {
        throw new StoreException(
            StoreException.Reason.FAILED,
            "bucket " + name + " has an object " + link + " that is no link",
            null);
      }
    } catch (JetStreamApiException e) {
      throw failed(link, e);
    } catch (StoreException e) {
      throw e;
    } catch (IOException | IllegalStateException | IllegalArgumentException e) {
      throw failed(link, e);
    }
  }

  /**
   * Copies an object's bytes. They can only be trusted after this returns.
   *
   * @param quiet how long nothing may come
   * @throws StoreException where the bytes are not what was stored, or do not come; {@code
   *     LEFT_OUT} where {@link ObjectDownload.Way#LEADER} helps
   * @throws IOException where {@code target} cannot be written
   */
  public void read(StoredObject object, ObjectDownload.Way way, OutputStream target, Duration quiet)
      throws IOException {
    AtomicLong heard = new AtomicLong(System.nanoTime());
    download(object, way)
        .writeTo(
            target, () -> heard.get() + quiet.toNanos(), bytes -> heard.set(System.nanoTime()));
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

  private MetaSubject.Meaning meaning(String object) throws StoreException {
    try {
      return new MetaSubject(connection, name, object).meaning();
    } catch (IOException | IllegalArgumentException e) {
      throw failed(object, e);
    }
  }

  private ObjectStore store() throws IOException {
    return connection.objectStore(name);
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
