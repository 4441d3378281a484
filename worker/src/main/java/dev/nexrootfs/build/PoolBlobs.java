package dev.nexrootfs.build;

import dev.nexrootfs.layer.BlobExchange;
import dev.nexrootfs.oci.Descriptor;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.store.Leases;
import dev.nexrootfs.store.ObjectBucket;
import dev.nexrootfs.store.ObjectDownload;
import dev.nexrootfs.store.StoreException;
import dev.nexrootfs.store.StoredObject;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Blobs in an object store bucket, {@code sha256-HEX} each, for the workers of a pool. A worker
 * that misses one takes a lease on it, gets it from the registry and stores it; the others wait for
 * that as long as the lease lives. The pool is a convenience: where it fails, a worker asks the
 * registry.
 */
public final class PoolBlobs implements BlobExchange, Closeable {
  private static final Logger LOG = LoggerFactory.getLogger(PoolBlobs.class);
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
  private static final Duration UPLOADS_END = Duration.ofSeconds(20);

  /** After that the registry is asked. */
  private static final Duration QUIET = Duration.ofSeconds(10);

  private final ObjectBucket bucket;
  private final Leases leases;
  private final Map<Digest, Leases.Lease> held = new ConcurrentHashMap<>();
  private final ExecutorService uploads =
      Executors.newSingleThreadExecutor(task -> new Thread(task, "pool-blobs"));

  /** The blobs of {@code bucket}. */
  public PoolBlobs(ObjectBucket bucket, Leases leases) {
    this.bucket = bucket;
    this.leases = leases;
  }

  @Override
  public boolean fetch(Descriptor blob, OutputStream target, Runnable stillWanted)
      throws IOException {
    String object = object(blob.digest());
    try {
      while (!Thread.currentThread().isInterrupted()) {
        if (read(object, target)) {
          return true;
        }
        Optional<Leases.Lease> lease = leases.tryAcquire(object);
        if (lease.isPresent()) {
          return wasStoredMeanwhile(blob, object, lease.get(), target);
        }
        while (leases.isHeld(object) && bucket.find(object).isEmpty()) {
          stillWanted.run();
          LockSupport.parkNanos(POLL_NANOS);
        }
      }
    } catch (StoreException e) {
      LOG.warn("the pool's blobs cannot be used: {}", e.getMessage());
    }
    return false;
  }

  /** Who held the lease before may have stored the blob between our two looks. */
  private boolean wasStoredMeanwhile(
      Descriptor blob, String object, Leases.Lease lease, OutputStream target) throws IOException {
    held.put(blob.digest(), lease);
    return read(object, target);
  }

  private boolean read(String object, OutputStream target) throws IOException {
    Optional<StoredObject> stored = bucket.findWhole(object);
    if (stored.isPresent()) {
      bucket.read(stored.get(), ObjectDownload.Way.CONSUMER, target, QUIET);
    }
    return stored.isPresent();
  }

  @Override
  public void offer(Descriptor blob, Opener opener) {
    if (!held.containsKey(blob.digest())) {
      return;
    }
    try {
      uploads.execute(() -> upload(blob, opener));
    } catch (RejectedExecutionException e) {
      giveUp(blob); // the worker is stopping
    }
  }

  private void upload(Descriptor blob, Opener opener) {
    String object = object(blob.digest());
    try {
      if (bucket.maxBytes() > 0) {
        bucket.makeRoom(blob.size());
      }
      bucket.putIfAbsent(
          object, String.valueOf(blob.mediaType()), Map.of(), opener::open, bytes -> {});
    } catch (IOException e) {
      LOG.warn("blob {} is not offered to the pool: {}", blob.digest(), e.getMessage());
    } finally {
      giveUp(blob);
    }
  }

  @Override
  public void reject(Descriptor blob) throws IOException {
    LOG.warn("the pool's copy of blob {} is not what its name says; it is deleted", blob.digest());
    try {
      bucket.delete(object(blob.digest()));
      if (!held.containsKey(blob.digest())) {
        leases.tryAcquire(object(blob.digest())).ifPresent(lease -> held.put(blob.digest(), lease));
      }
    } catch (StoreException e) {
      LOG.warn("it cannot be deleted: {}", e.getMessage());
    }
  }

  @Override
  public void giveUp(Descriptor blob) {
    Leases.Lease lease = held.remove(blob.digest());
    if (lease != null) {
      try {
        lease.close();
      } catch (StoreException e) {
        LOG.warn("{}; it ends by itself in {}", e.getMessage(), Leases.LIFE);
      }
    }
  }

  private static String object(Digest digest) {
    return digest.algorithm() + "-" + digest.hex();
  }

  /** Lets uploads end for a while. */
  @Override
  public void close() {
    uploads.shutdown();
    try {
      if (!uploads.awaitTermination(UPLOADS_END.toMillis(), TimeUnit.MILLISECONDS)) {
        LOG.warn("blobs are still being offered to the pool after {}", UPLOADS_END);
        uploads.shutdownNow();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
