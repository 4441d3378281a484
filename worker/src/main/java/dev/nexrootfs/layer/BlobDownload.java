package dev.nexrootfs.layer;

import dev.nexrootfs.oci.BlobSource;
import dev.nexrootfs.oci.Descriptor;
import dev.nexrootfs.oci.DigestMismatchException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A blob on its way into the cache, read as it comes: first what an earlier download left, then the
 * rest from the origin. At its end it is verified and named; closed earlier, what came stays for
 * the next download.
 */
final class BlobDownload extends InputStream {
  private final Descriptor blob;
  private final BlobSource origin;
  private final CachePart part;
  private final FileLocks.Held lock;
  private final BlobExchange exchange;
  private final Reopen reopen;
  private final Runnable stillWanted;
  private final boolean resumed;
  private InputStream verifying;
  private boolean complete;
  private boolean failed;

  /** Opens a blob that has become part of the cache. */
  @FunctionalInterface
  interface Reopen {
    InputStream open(Descriptor blob) throws IOException;
  }

  BlobDownload(
      Descriptor blob,
      BlobSource origin,
      CachePart part,
      FileLocks.Held lock,
      BlobExchange exchange,
      Reopen reopen,
      Runnable stillWanted)
      throws IOException {
    this.blob = blob;
    this.origin = origin;
    this.part = part;
    this.lock = lock;
    this.exchange = exchange;
    this.reopen = reopen;
    this.stillWanted = stillWanted;
    if (part.channel().size() > blob.size()) {
      part.channel().truncate(0);
    }
    this.resumed = part.channel().size() > 0;
    this.verifying = source();
  }

  /** Whether bytes of an earlier download are among these. */
  boolean isResumed() {
    return resumed;
  }

  private InputStream source() throws IOException {
    return BlobSource.verified(
        new Source(blob, origin, part, part.channel().size()), blob, origin.place());
  }

  boolean isComplete() {
    return complete;
  }

  /** Reads what the pool has sent to its end, which makes it whole. */
  void verifyAll() throws IOException {
    verifying = source();
    transferTo(OutputStream.nullOutputStream());
  }

  /** Forgets what was read; the part is about to be emptied. */
  void startAgain() throws IOException {
    part.channel().truncate(0);
    failed = false;
    verifying = source();
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    stillWanted.run();
    try {
      int got = verifying.read(target, offset, length);
      if (got < 0 && !complete) {
        part.commit();
        complete = true;
      }
      return got;
    } catch (DigestMismatchException e) {
      failed = true;
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    InputStream bytes = verifying;
    try (lock;
        part;
        bytes) {
      if (failed) {
        part.discard();
      }
    } finally {
      if (complete) {
        exchange.offer(blob, () -> reopen.open(blob));
      } else {
        exchange.giveUp(blob);
      }
    }
  }

  /** The bytes as they come, each written to the part before anybody sees it. */
  private static final class Source extends InputStream {
    private final Descriptor blob;
    private final BlobSource origin;
    private final CachePart part;
    private final long here;
    private long position;
    private @Nullable InputStream rest;

    Source(Descriptor blob, BlobSource origin, CachePart part, long here) {
      this.blob = blob;
      this.origin = origin;
      this.part = part;
      this.here = here;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      if (position < here) {
        int most = (int) Math.min(length, here - position);
        int got = part.channel().read(ByteBuffer.wrap(target, offset, most), position);
        position += Math.max(0, got);
        return got;
      }
      if (position == blob.size() && rest == null) {
        return -1; // nothing was left to ask for
      }
      if (rest == null) {
        rest = origin.open(blob, position);
      }
      int got = rest.read(target, offset, length);
      if (got > 0) {
        part.append(position, target, offset, got);
        position += got;
      }
      return got;
    }

    @Override
    public void close() throws IOException {
      if (rest != null) {
        rest.close();
      }
    }
  }
}
