package dev.nexrootfs.store;

import dev.nexrootfs.oci.Digest;
import io.nats.client.Connection;
import io.nats.client.JetStream;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.NUID;
import io.nats.client.PurgeOptions;
import io.nats.client.api.PublishAck;
import io.nats.client.impl.NatsMessage;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes one object (ADR-20): chunks of 256 KiB with 8 MiB in flight, then, when every one is
 * acknowledged and counted, the meta message that makes it visible.
 *
 * <p>After a failure some chunks can be stored though nobody acknowledged them, and others missing:
 * so the chunks of the try are purged, and the next begins again under a new NUID.
 */
final class ObjectWriter {
  private static final Logger LOG = LoggerFactory.getLogger(ObjectWriter.class);

  private static final int CHUNK_BYTES = 256 << 10;
  private static final int MIN_CHUNK_BYTES = 512;
  private static final int WINDOW_BYTES = 8 << 20;

  /** What a message has beside its payload. */
  private static final int MESSAGE_OVERHEAD_BYTES = 4096;

  private static final int TRIES = 3;
  private static final long[] BACKOFF_MILLIS = {500, 3000};

  private final Connection connection;
  private final String bucket;
  private final Fence fence;

  ObjectWriter(Connection connection, String bucket, Fence fence) {
    this.connection = connection;
    this.bucket = bucket;
    this.fence = fence;
  }

  /** The chunks of one try, all stored. */
  private record Chunks(String nuid, int chunkBytes, long count, long bytes, Digest digest) {}

  StoredObject write(
      String object,
      String description,
      Map<String, String> metadata,
      ObjectSource source,
      LongConsumer progress)
      throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        return writeOnce(object, description, metadata, source, progress);
      } catch (StoreException e) {
        if (e.reason() != StoreException.Reason.FAILED || attempt == TRIES) {
          throw e;
        }
        LOG.warn("try {} of {} to store {} failed: {}", attempt, TRIES, object, e.getMessage());
        pause(BACKOFF_MILLIS[attempt - 1], e);
      }
    }
  }

  private StoredObject writeOnce(
      String object,
      String description,
      Map<String, String> metadata,
      ObjectSource source,
      LongConsumer progress)
      throws IOException {
    String nuid = NUID.nextGlobal();
    boolean useless = true;
    try {
      Chunks chunks = writeChunks(nuid, source, progress);
      checkCount(chunks);
      fence.check();
      ObjectMeta meta =
          new ObjectMeta(
              object,
              description,
              metadata,
              new ObjectMeta.Options(chunks.chunkBytes()),
              bucket,
              nuid,
              chunks.bytes(),
              chunks.count(),
              "SHA-256=" + base64(chunks.digest()));
      String visible = new MetaSubject(connection, bucket, object).publish(meta);
      useless = !visible.equals(nuid);
      return useless
          ? earlier(object)
          : new StoredObject(
              bucket, object, nuid, chunks.digest(), chunks.bytes(), chunks.count(), metadata);
    } catch (MetaSubject.UnansweredException e) {
      // The object may be visible, or come to be: rather stray chunks than an object without any.
      useless = false;
      throw failed(e);
    } finally {
      if (useless) {
        purge(nuid);
      }
    }
  }

  /** The object that another writer made visible first. */
  private StoredObject earlier(String object) throws StoreException {
    return new Buckets(connection)
        .open(bucket)
        .find(object)
        .orElseThrow(
            () ->
                new StoreException(
                    StoreException.Reason.FAILED,
                    "object "
                        + object
                        + " of bucket "
                        + bucket
                        + " was made and deleted by another writer",
                    null));
  }

  private Chunks writeChunks(String nuid, ObjectSource source, LongConsumer progress)
      throws IOException {
    int chunkBytes =
        (int)
            Math.max(
                MIN_CHUNK_BYTES,
                Math.min(
                    CHUNK_BYTES,
                    connection.getServerInfo().getMaxPayload() - MESSAGE_OVERHEAD_BYTES));
    String subject = "$O." + bucket + ".C." + nuid;
    JetStream jetStream = connection.jetStream();
    MessageDigest computation = Digest.newSha256();
    ChunkWindow window = new ChunkWindow(Math.max(1, WINDOW_BYTES / chunkBytes), progress);
    long count = 0;
    long bytes = 0;
    try (InputStream in = source.open()) {
      while (true) {
        byte[] chunk = in.readNBytes(chunkBytes);
        if (chunk.length == 0) {
          break;
        }
        computation.update(chunk);
        window.awaitRoom();
        window.add(send(jetStream, subject, chunk), chunk.length);
        count++;
        bytes += chunk.length;
      }
      window.awaitAll();
    } catch (ChunkWindow.RefusedException e) {
      throw refused(e);
    } finally {
      window.settle();
    }
    return new Chunks(nuid, chunkBytes, count, bytes, Digest.ofSha256(computation.digest()));
  }

  private CompletableFuture<PublishAck> send(JetStream jetStream, String subject, byte[] chunk)
      throws StoreException {
    try {
      return jetStream.publishAsync(NatsMessage.builder().subject(subject).data(chunk).build());
    } catch (IllegalStateException e) {
      // The connection is closed, or has buffered all that it may while it reconnects.
      throw failed(e);
    }
  }

  private StoreException refused(ChunkWindow.RefusedException refusal) {
    Throwable cause = refusal.getCause();
    if (cause instanceof JetStreamApiException api && StorageLimit.isReached(api)) {
      return StorageLimit.bucketIsFull(bucket, api);
    }
    return new StoreException(
        StoreException.Reason.FAILED, "bucket " + bucket + ": " + refusal.getMessage(), refusal);
  }

  /**
   * Asks the server how many chunks it holds: an acknowledgement alone does not rule out a stray
   * one.
   */
  private void checkCount(Chunks chunks) throws StoreException {
    try {
      long missing = ChunkCount.missing(connection, bucket, chunks.nuid(), chunks.count());
      if (missing != 0) {
        throw new StoreException(
            StoreException.Reason.FAILED,
            "bucket "
                + bucket
                + " holds "
                + (chunks.count() - missing)
                + " chunks where "
                + chunks.count()
                + " were sent",
            null);
      }
    } catch (JetStreamApiException e) {
      throw failed(e);
    } catch (StoreException e) {
      throw e;
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private void purge(String nuid) {
    // The client refuses to work for an interrupted thread; cleaning up comes first.
    boolean interrupted = Thread.interrupted();
    try {
      management()
          .purgeStream(
              Buckets.streamOf(bucket),
              PurgeOptions.builder().subject("$O." + bucket + ".C." + nuid).build());
    } catch (IOException | JetStreamApiException | IllegalStateException e) {
      LOG.warn(
          "chunks {} of bucket {} are left over: purging them failed: {}",
          nuid,
          bucket,
          e.getMessage());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private JetStreamManagement management() throws IOException {
    return connection.jetStreamManagement();
  }

  private StoreException failed(Exception e) {
    return new StoreException(
        StoreException.Reason.FAILED, "bucket " + bucket + ": " + e.getMessage(), e);
  }

  private static String base64(Digest digest) {
    byte[] hash = java.util.HexFormat.of().parseHex(digest.hex());
    return Base64.getUrlEncoder().encodeToString(hash);
  }

  private static void pause(long millis, StoreException why) throws StoreException {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw why;
    }
  }
}
