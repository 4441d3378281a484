package dev.nexrootfs.layer;

import dev.nexrootfs.oci.BlobSource;
import dev.nexrootfs.oci.Descriptor;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.DigestMismatchException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Blobs of registries on this machine's disk. A blob is read while it is downloaded; a download
 * that ended early goes on where it stopped, also after the worker was killed; and one worker
 * downloads while the others of this machine wait.
 */
public final class BlobCache {
  private final CacheDirectory directory;
  private final BlobExchange exchange;

  /** Blobs in {@code directory}, exchanged with the pool by {@code exchange}. */
  public BlobCache(CacheDirectory directory, BlobExchange exchange) {
    this.directory = directory;
    this.exchange = exchange;
  }

  /** The size of a blob that is here; empty where it is not. */
  public OptionalLong size(Digest digest) throws IOException {
    return directory.size(CacheDirectory.Kind.BLOBS, digest);
  }

  /**
   * The blobs of {@code origin}, by way of the cache.
   *
   * @param stillWanted called while blobs are read or waited for; what it throws ends that
   */
  public BlobSource over(BlobSource origin, Runnable stillWanted) {
    return new CachedBlobs(origin, stillWanted);
  }

  private final class CachedBlobs implements BlobSource {
    private final BlobSource origin;
    private final Runnable stillWanted;

    /** Blobs whose cached bytes were bad, so that the origin is not to blame. */
    private final Set<Digest> dropped = ConcurrentHashMap.newKeySet();

    CachedBlobs(BlobSource origin, Runnable stillWanted) {
      this.origin = origin;
      this.stillWanted = stillWanted;
    }

    @Override
    public InputStream open(Descriptor blob) throws IOException {
      return openVerified(blob);
    }

    @Override
    public InputStream openVerified(Descriptor blob) throws IOException {
      while (true) {
        var present = directory.open(CacheDirectory.Kind.BLOBS, blob.digest());
        if (present.isPresent()) {
          return new CachedStream(this, blob, present.get());
        }
        FileLocks.Held lock =
            directory.exclusive(CacheDirectory.Kind.BLOBS, blob.digest(), stillWanted);
        try {
          if (size(blob.digest()).isEmpty()) {
            BlobDownload download = download(blob, lock);
            if (download.isComplete()) {
              download.close();
              continue;
            }
            if (download.isResumed()) {
              dropped.add(blob.digest());
            }
            return download;
          }
        } catch (IOException | RuntimeException e) {
          lock.close();
          throw e;
        }
        lock.close(); // another worker has just finished it
      }
    }

    private BlobDownload download(Descriptor blob, FileLocks.Held lock) throws IOException {
      CachePart part = directory.part(CacheDirectory.Kind.BLOBS, blob.digest());
      try {
        BlobDownload download =
            new BlobDownload(blob, origin, part, lock, exchange, this::reopen, stillWanted);
        if (part.channel().size() == 0) {
          fromPool(blob, part, download);
        }
        return download;
      } catch (IOException | RuntimeException e) {
        exchange.giveUp(blob);
        part.close();
        throw e;
      }
    }

    private void fromPool(Descriptor blob, CachePart part, BlobDownload download)
        throws IOException {
      PartStream target = new PartStream(part, blob.size());
      boolean there = exchange.fetch(blob, target, stillWanted);
      if (there && !target.isTooLong && part.channel().size() == blob.size()) {
        try {
          download.verifyAll();
          return;
        } catch (DigestMismatchException e) {
          download.startAgain();
        }
      }
      part.channel().truncate(0);
      if (there || target.isTooLong) {
        // What another worker left is not to be trusted more than a registry; ask the registry.
        exchange.reject(blob);
      }
    }

    private InputStream reopen(Descriptor blob) throws IOException {
      return new CachedStream(
          this,
          blob,
          directory
              .open(CacheDirectory.Kind.BLOBS, blob.digest())
              .orElseThrow(() -> new IOException("blob " + blob.digest() + " has left the cache")));
    }

    /** Removes bytes that are not what their name says; they are fetched again. */
    @SuppressWarnings("try") // the lock is held, not used
    void drop(Descriptor blob) throws IOException {
      dropped.add(blob.digest());
      try (FileLocks.Held lock =
          directory.exclusive(CacheDirectory.Kind.BLOBS, blob.digest(), stillWanted)) {
        directory.remove(CacheDirectory.Kind.BLOBS, blob.digest());
      }
    }

    @Override
    public boolean reject(Descriptor blob) {
      // The bad bytes may have been here, or left by an earlier download; then nobody is to blame.
      return dropped.remove(blob.digest()) || origin.reject(blob);
    }

    @Override
    public String place() {
      return origin.place();
    }

    @Override
    public void close() throws IOException {
      origin.close();
    }
  }

  /** A blob of the cache, which is held against its digest once more, since disks lie. */
  private static final class CachedStream extends java.io.FilterInputStream {
    private final CachedBlobs blobs;
    private final Descriptor blob;
    private final CacheDirectory.Pinned pinned;

    CachedStream(CachedBlobs blobs, Descriptor blob, CacheDirectory.Pinned pinned)
        throws IOException {
      super(
          BlobSource.verified(
              Channels.newInputStream(pinned.channel().position(0)), blob, "the cache"));
      this.blobs = blobs;
      this.blob = blob;
      this.pinned = pinned;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      try {
        return in.read(target, offset, length);
      } catch (DigestMismatchException e) {
        pinned.close();
        blobs.drop(blob);
        throw e;
      }
    }

    @Override
    public void close() throws IOException {
      pinned.close();
    }
  }

  /** Writes what a pool sends, never more than was promised. */
  private static final class PartStream extends OutputStream {
    private final CachePart part;
    private final long limit;
    private long count;
    private boolean isTooLong;

    PartStream(CachePart part, long limit) {
      this.part = part;
      this.limit = limit;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      isTooLong |= count + length > limit;
      if (!isTooLong) {
        part.append(count, bytes, offset, length);
        count += length;
      }
    }
  }
}
