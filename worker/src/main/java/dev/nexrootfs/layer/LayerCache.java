package dev.nexrootfs.layer;

import dev.nexrootfs.layer.CacheDirectory.Kind;
import dev.nexrootfs.oci.BlobSource;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.DigestMismatchException;
import dev.nexrootfs.oci.Image;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.security.MessageDigest;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Decoded layers on this machine's disk, by their diffID, and copies of inputs. */
public final class LayerCache {
  private static final int BUFFER_BYTES = 1 << 17;

  /** So many digests are remembered; beyond, layers are read once more. */
  private static final int MAX_REMEMBERED = 10_000;

  private static final Logger LOG = LoggerFactory.getLogger(LayerCache.class);

  private final CacheDirectory directory;
  private final long maxLayerBytes;
  private final Set<Digest> verified = ConcurrentHashMap.newKeySet();
  private final Map<Digest, Boolean> whiteouts = new ConcurrentHashMap<>();

  /**
   * Layers in {@code directory}.
   *
   * @param maxLayerBytes the most that one layer or input may have when decoded
   */
  public LayerCache(CacheDirectory directory, long maxLayerBytes) {
    this.directory = directory;
    this.maxLayerBytes = maxLayerBytes;
  }

  /** How full the directory is, and of what use it was. */
  public CacheDirectory.Use use() throws IOException {
    return directory.use();
  }

  /**
   * The layer, decoded; read from {@code blobs} and verified by both digests where it is not
   * cached. Of several workers that want it, one decodes and the others wait.
   *
   * @param progress is told the bytes of the blob so far
   * @throws DigestMismatchException where blob or decoded layer are not what was promised
   * @throws InvalidLayerException where the compressed data is corrupt
   * @throws CacheFullException where the cache's limit leaves no room
   */
  public DecodedLayer layer(Image.Layer layer, BlobSource blobs, LongConsumer progress)
      throws IOException {
    Digest diffId = layer.diffId();
    while (true) {
      Optional<CacheDirectory.Pinned> present = directory.open(Kind.LAYERS, diffId);
      if (present.isPresent() && isWhole(present.get(), diffId)) {
        progress.accept(layer.blob().size());
        return indexed(diffId, present.get());
      }
      if (present.isPresent()) {
        LOG.warn("the cached layer {} is corrupt; it is decoded again", diffId);
        present.get().close();
      }
      decodeOnce(layer, blobs, present.isPresent(), progress);
    }
  }

  /** Looks through the headers of a layer: most have no whiteout, and the merge reads them once. */
  private DecodedLayer indexed(Digest diffId, CacheDirectory.Pinned layer) throws IOException {
    boolean complete = false;
    try {
      Boolean known = whiteouts.get(diffId);
      boolean found =
          known != null ? known : LayerWhiteouts.areIn(new DecodedLayer(diffId, layer.channel()));
      if (whiteouts.size() >= MAX_REMEMBERED) {
        whiteouts.clear();
      }
      whiteouts.put(diffId, found);
      complete = true;
      return new DecodedLayer(diffId, layer.channel(), layer, found);
    } finally {
      if (!complete) {
        layer.close();
      }
    }
  }

  /** The layer, where it is cached and whole. */
  Optional<DecodedLayer> find(Digest diffId) throws IOException {
    Optional<CacheDirectory.Pinned> present = directory.open(Kind.LAYERS, diffId);
    if (present.isPresent() && !isWhole(present.get(), diffId)) {
      present.get().close();
      return Optional.empty();
    }
    return present.isPresent() ? Optional.of(indexed(diffId, present.get())) : Optional.empty();
  }

  CacheDirectory directory() {
    return directory;
  }

  @SuppressWarnings("try") // the lock is held, not used
  private void decodeOnce(
      Image.Layer layer, BlobSource blobs, boolean corrupt, LongConsumer progress)
      throws IOException {
    try (FileLocks.Held lock =
        directory.exclusive(Kind.LAYERS, layer.diffId(), () -> progress.accept(0))) {
      if (corrupt) {
        directory.remove(Kind.LAYERS, layer.diffId());
      }
      while (directory.size(Kind.LAYERS, layer.diffId()).isEmpty()) {
        try {
          decode(layer, blobs, progress);
          addVerified(layer.diffId());
        } catch (DigestMismatchException e) {
          if (!blobs.reject(layer.blob())) {
            throw e;
          }
          LOG.warn("{}; asking elsewhere", e.getMessage());
        }
      }
    }
  }

  /**
   * {@code file}, or where it is compressed a decoded copy, which takes its place: many archives of
   * images are gzipped as a whole. What is returned is the caller's to close.
   *
   * @param what how messages name it
   * @param stillWanted called while it is decoded; what it throws ends that
   */
  public FileChannel decoded(String what, FileChannel file, Runnable stillWanted)
      throws IOException {
    ByteBuffer magic = ByteBuffer.allocate(4);
    file.read(magic, 0);
    if (!LayerDecoder.isCompressed(magic.array())) {
      return file;
    }
    try (file;
        InputStream in = LayerDecoder.decode(Channels.newInputStream(file.position(0)), what)) {
      byte[] buffer = new byte[BUFFER_BYTES];
      InputWriter copy =
          target -> {
            for (int got = in.read(buffer); got >= 0; got = in.read(buffer)) {
              target.write(buffer, 0, got);
              stillWanted.run();
            }
          };
      return spool(what, copy).channel();
    }
  }

  /** Writes an input's bytes from front to back. */
  @FunctionalInterface
  public interface InputWriter {
    /** Writes all bytes; an exception means that they are of no use. */
    void writeTo(OutputStream target) throws IOException;
  }

  /**
   * Copies an input to disk.
   *
   * @param what how messages name it
   */
  public SpooledInput spool(String what, InputWriter writer) throws IOException {
    FileChannel channel = directory.unnamed();
    SpoolStream stream = new SpoolStream(channel, maxLayerBytes, what, directory);
    try {
      writer.writeTo(stream);
      return new SpooledInput(Digest.ofSha256(stream.digest()), channel, stream.size());
    } catch (IOException | RuntimeException e) {
      channel.close();
      // Our own failure to write says more than what the writer made of it.
      if (stream.failure().isPresent()) {
        throw stream.failure().get();
      }
      throw e;
    }
  }

  /** Whether a layer is what its name says: read once in the life of a program, since disks lie. */
  private boolean isWhole(CacheDirectory.Pinned layer, Digest diffId) throws IOException {
    if (verified.contains(diffId)) {
      return true;
    }
    MessageDigest computation = diffId.newComputation();
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
    for (long at = 0; layer.channel().read(buffer, at) >= 0; buffer.clear()) {
      at += buffer.flip().limit();
      computation.update(buffer);
    }
    boolean whole = diffId.matches(computation.digest());
    if (whole) {
      addVerified(diffId);
    }
    return whole;
  }

  private void addVerified(Digest diffId) {
    if (verified.size() >= MAX_REMEMBERED) {
      verified.clear();
    }
    verified.add(diffId);
  }

  private void decode(Image.Layer layer, BlobSource blobs, LongConsumer progress)
      throws IOException {
    String what = blobs.place() + ": layer " + layer.blob().digest();
    try (CachePart part = directory.part(Kind.LAYERS, layer.diffId());
        InputStream blob = new Counted(blobs.openVerified(layer.blob()), progress)) {
      boolean whole = false;
      try {
        part.channel().truncate(0); // decoding cannot go on in the middle
        MessageDigest computation = layer.diffId().newComputation();
        copyDecoded(blob, part, computation, what);
        byte[] hash = computation.digest();
        if (!layer.diffId().matches(hash)) {
          throw new DigestMismatchException(
              what
                  + " decodes to "
                  + layer.diffId().algorithm()
                  + ":"
                  + java.util.HexFormat.of().formatHex(hash)
                  + " where the config promises diff_id "
                  + layer.diffId());
        }
        part.commit();
        whole = true;
      } finally {
        if (!whole) {
          part.discard();
        }
      }
    }
  }

  private void copyDecoded(InputStream blob, CachePart out, MessageDigest computation, String what)
      throws IOException {
    try (InputStream decoder = LayerDecoder.decode(new Uncloseable(blob), what)) {
      copy(decoder, out, computation, what);
    } catch (InvalidLayerException e) {
      // Where the blob is not what was promised, that is the better message; the rest of it tells.
      blob.transferTo(OutputStream.nullOutputStream());
      throw e;
    }
    // What stands after the compressed data counts for the blob's digest too.
    blob.transferTo(OutputStream.nullOutputStream());
  }

  /** Decodes in this thread, and hashes and writes in another. */
  private void copy(InputStream from, CachePart to, MessageDigest computation, String what)
      throws IOException {
    Taken taken = new Taken(to, computation);
    try (Handover handover = new Handover(taken::take)) {
      long count = 0;
      byte[] buffer = handover.empty();
      for (int got = from.read(buffer); got >= 0; got = from.read(buffer)) {
        count += got;
        if (count > maxLayerBytes) {
          throw new InvalidLayerException(
              what + " has more than " + maxLayerBytes + " bytes, the worker's limit for one",
              null);
        }
        handover.give(buffer, got);
        buffer = handover.empty();
      }
      handover.finish();
    }
  }

  /** Where decoded bytes go. */
  private static final class Taken {
    private final CachePart part;
    private final MessageDigest computation;
    private long count;

    Taken(CachePart part, MessageDigest computation) {
      this.part = part;
      this.computation = computation;
    }

    void take(byte[] bytes, int length) throws IOException {
      computation.update(bytes, 0, length);
      part.append(count, bytes, 0, length);
      count += length;
    }
  }

  /** A blob that goes on after its decoder is closed. */
  private static final class Uncloseable extends FilterInputStream {
    Uncloseable(InputStream blob) {
      super(blob);
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      return in.read(target, offset, length);
    }

    @Override
    public void close() {
      // The blob belongs to who opened it.
    }
  }

  /** Tells how much of a blob was read. */
  private static final class Counted extends FilterInputStream {
    private final LongConsumer progress;
    private long count;

    Counted(InputStream blob, LongConsumer progress) {
      super(blob);
      this.progress = progress;
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      int got = in.read(target, offset, length);
      if (got > 0) {
        count += got;
        progress.accept(count);
      }
      return got;
    }
  }
}
