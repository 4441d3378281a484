package dev.nexrootfs.layer;

import dev.nexrootfs.oci.BlobSource;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.DigestMismatchException;
import dev.nexrootfs.oci.Image;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decoded layers on this machine's disk, as {@code layers/ALGORITHM/HEX} by their diffID. A layer
 * appears under its name only when it is whole, verified and synced; an unfinished one is in {@code
 * ingest}.
 */
public final class LayerCache {
  private static final int BUFFER_BYTES = 1 << 17;
  private static final Duration ABANDONED = Duration.ofDays(1);

  /** So many digests are remembered; beyond, layers are read once more. */
  private static final int MAX_VERIFIED = 10_000;

  private static final Logger LOG = LoggerFactory.getLogger(LayerCache.class);

  private final Path directory;
  private final long maxLayerBytes;
  private final Set<Digest> verified = ConcurrentHashMap.newKeySet();
  private final Object[] locks = IntStream.range(0, 64).mapToObj(i -> new Object()).toArray();

  /**
   * A cache in {@code directory}, which is made where it is missing.
   *
   * @param maxLayerBytes the most that one layer or input may have when decoded
   */
  public LayerCache(Path directory, long maxLayerBytes) throws IOException {
    this.directory = directory;
    this.maxLayerBytes = maxLayerBytes;
    Files.createDirectories(directory.resolve("layers"));
    Files.createDirectories(ingest());
    sweepIngest();
  }

  /**
   * The layer, decoded; read from {@code blobs} and verified by both digests where it is not
   * cached.
   *
   * @param progress is told the decoded bytes so far
   * @throws DigestMismatchException where blob or decoded layer are not what was promised
   * @throws InvalidLayerException where the compressed data is corrupt
   */
  public DecodedLayer layer(Image.Layer layer, BlobSource blobs, LongConsumer progress)
      throws IOException {
    Digest diffId = layer.diffId();
    Path file = directory.resolve("layers").resolve(diffId.algorithm()).resolve(diffId.hex());
    synchronized (locks[Math.floorMod(diffId.hashCode(), locks.length)]) {
      if (!isWhole(file, diffId)) {
        Files.createDirectories(directory.resolve("layers").resolve(diffId.algorithm()));
        decode(layer, blobs, file, progress);
        addVerified(diffId);
      }
    }
    return new DecodedLayer(diffId, FileChannel.open(file));
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
    Path file = Files.createTempFile(ingest(), "input", ".part");
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
    SpoolStream stream = new SpoolStream(channel, maxLayerBytes, what);
    try {
      Files.delete(file);
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

  /**
   * Whether a layer is there, and is what its name says: read once in the life of a program, since
   * disks lie.
   */
  private boolean isWhole(Path file, Digest diffId) throws IOException {
    if (!Files.exists(file)) {
      return false;
    }
    if (verified.contains(diffId)) {
      return true;
    }
    MessageDigest computation = diffId.newComputation();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), computation)) {
      in.transferTo(OutputStream.nullOutputStream());
    }
    if (diffId.matches(computation.digest())) {
      addVerified(diffId);
      return true;
    }
    LOG.warn("the cached layer {} is corrupt; it is decoded again", file);
    Files.delete(file);
    return false;
  }

  private void addVerified(Digest diffId) {
    if (verified.size() >= MAX_VERIFIED) {
      verified.clear();
    }
    verified.add(diffId);
  }

  private void decode(Image.Layer layer, BlobSource blobs, Path file, LongConsumer progress)
      throws IOException {
    String what = blobs.place() + ": layer " + layer.blob().digest();
    Path ingest = Files.createTempFile(ingest(), "layer", ".part");
    try (FileChannel out = FileChannel.open(ingest, StandardOpenOption.WRITE);
        InputStream blob = blobs.openVerified(layer.blob())) {
      MessageDigest computation = layer.diffId().newComputation();
      copyDecoded(blob, out, computation, what, progress);
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
      out.force(true);
      Files.move(ingest, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(ingest);
    }
  }

  private void copyDecoded(
      InputStream blob,
      FileChannel out,
      MessageDigest computation,
      String what,
      LongConsumer progress)
      throws IOException {
    try (InputStream decoder = LayerDecoder.decode(new Uncloseable(blob), what)) {
      copy(decoder, out, computation, what, progress);
    } catch (InvalidLayerException e) {
      // Where the blob is not what was promised, that is the better message; the rest of it tells.
      blob.transferTo(OutputStream.nullOutputStream());
      throw e;
    }
    // What stands after the compressed data counts for the blob's digest too.
    blob.transferTo(OutputStream.nullOutputStream());
  }

  private void copy(
      InputStream from,
      FileChannel to,
      MessageDigest computation,
      String what,
      LongConsumer progress)
      throws IOException {
    byte[] buffer = new byte[BUFFER_BYTES];
    long count = 0;
    for (int got = from.read(buffer); got >= 0; got = from.read(buffer)) {
      count += got;
      if (count > maxLayerBytes) {
        throw new InvalidLayerException(
            what + " has more than " + maxLayerBytes + " bytes, the worker's limit for one", null);
      }
      computation.update(buffer, 0, got);
      ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, got);
      while (bytes.hasRemaining()) {
        to.write(bytes);
      }
      progress.accept(count);
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

  private Path ingest() {
    return directory.resolve("ingest");
  }

  /** Deletes what a worker that was killed left; younger files can be another process's work. */
  private void sweepIngest() throws IOException {
    Instant limit = Instant.now().minus(ABANDONED);
    try (DirectoryStream<Path> files = Files.newDirectoryStream(ingest())) {
      for (Path file : files) {
        if (!Files.exists(file)) {
          continue; // another worker of this cache finished it
        }
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        if (attributes.lastModifiedTime().toInstant().isBefore(limit)) {
          Files.deleteIfExists(file);
        }
      }
    }
  }
}
