package dev.nexrootfs.layer;

import dev.nexrootfs.layer.CacheDirectory.Kind;
import dev.nexrootfs.oci.Digest;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Layers that were computed from others, in the cache: each by the digest of all that went into it,
 * so that the same is not computed again.
 */
public final class DerivedLayers {
  private static final int MAX_RECORD_BYTES = 1 << 17;
  private static final int BUFFER_BYTES = 1 << 16;

  private final LayerCache layers;
  private final CacheDirectory directory;

  /** Layers in the cache of {@code layers}. */
  public DerivedLayers(LayerCache layers) {
    this.layers = layers;
    this.directory = layers.directory();
  }

  /** Computes a layer. */
  @FunctionalInterface
  public interface Computation {
    /**
     * Writes the layer as an uncompressed archive.
     *
     * @return a note to keep with it
     */
    String writeTo(OutputStream layer) throws IOException;
  }

  /**
   * A layer that was computed, now or earlier.
   *
   * @param layer the layer; closing it is the caller's
   * @param note what was noted with it
   * @param cached whether it was there
   */
  public record Derived(DecodedLayer layer, String note, boolean cached) {}

  /**
   * The layer of {@code key}, computed where it is not there. Of several workers that want it, one
   * computes and the others wait.
   */
  @SuppressWarnings("try") // the lock is held, not used
  public Derived get(Digest key, Computation computation) throws IOException {
    Optional<Derived> present = find(key);
    if (present.isPresent()) {
      return present.get();
    }
    try (FileLocks.Held lock = directory.exclusive(Kind.DERIVED, key, () -> {})) {
      Optional<Derived> meanwhile = read(key);
      return meanwhile.isPresent() ? meanwhile.get() : compute(key, computation);
    }
  }

  private Optional<Derived> find(Digest key) throws IOException {
    Optional<CacheDirectory.Pinned> open = directory.open(Kind.DERIVED, key);
    if (open.isEmpty()) {
      return Optional.empty();
    }
    try (CacheDirectory.Pinned record = open.get()) {
      return parse(record.channel());
    }
  }

  /** For the holder of the exclusive lock, who cannot have a shared one too. */
  private Optional<Derived> read(Digest key) throws IOException {
    if (directory.size(Kind.DERIVED, key).isEmpty()) {
      return Optional.empty();
    }
    try (FileChannel record = directory.read(Kind.DERIVED, key)) {
      return parse(record);
    }
  }

  private Optional<Derived> parse(FileChannel record) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(record.size(), MAX_RECORD_BYTES));
    int got;
    do {
      got = record.read(bytes, bytes.position());
    } while (got > 0);
    String text = StandardCharsets.UTF_8.decode(bytes.flip()).toString();
    int end = text.indexOf('\n');
    Digest diffId;
    try {
      diffId = new Digest(text.substring(0, Math.max(end, 0)));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // the disk has lost it
    }
    return layers.find(diffId).map(layer -> new Derived(layer, text.substring(end + 1), true));
  }

  private Derived compute(Digest key, Computation computation) throws IOException {
    String[] note = {""};
    Digest diffId;
    try (SpooledInput computed =
        layers.spool("a computed layer", out -> note[0] = computation.writeTo(out))) {
      diffId = computed.digest();
      store(diffId, computed);
    }
    DecodedLayer layer =
        layers
            .find(diffId)
            .orElseThrow(() -> new IOException("the layer " + diffId + " has gone at once"));
    boolean complete = false;
    try {
      byte[] record = (diffId + "\n" + note[0]).getBytes(StandardCharsets.UTF_8);
      try (CachePart part = directory.part(Kind.DERIVED, key)) {
        part.channel().truncate(0);
        part.append(0, record, 0, record.length);
        part.commit();
      }
      complete = true;
      return new Derived(layer, note[0], false);
    } finally {
      if (!complete) {
        layer.close();
      }
    }
  }

  @SuppressWarnings("try") // the lock is held, not used
  private void store(Digest diffId, SpooledInput computed) throws IOException {
    try (FileLocks.Held lock = directory.exclusive(Kind.LAYERS, diffId, () -> {});
        CachePart part = directory.part(Kind.LAYERS, diffId)) {
      part.channel().truncate(0);
      ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
      long at = 0;
      for (int got = computed.channel().read(buffer, at);
          got >= 0;
          got = computed.channel().read(buffer, at)) {
        part.append(at, buffer.array(), 0, got);
        at += got;
        buffer.clear();
      }
      part.commit();
    }
  }
}
