package dev.nexrootfs.layer;

import dev.nexrootfs.tar.TarEntry;
import dev.nexrootfs.tar.TarReader;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One entry of a layer's archive.
 *
 * @param layer the layer
 * @param tar what its archive says
 */
record LayerEntry(DecodedLayer layer, TarEntry tar) {
  /** What is done with an entry. */
  @FunctionalInterface
  interface Visitor {
    /**
     * Visits an entry.
     *
     * @throws IllegalArgumentException where a field holds what no tree can hold
     * @throws IOException where its path cannot be followed, or the archive not be read
     */
    void visit(LayerEntry entry) throws IOException;
  }

  /**
   * Visits every entry of {@code layer} in its order.
   *
   * @throws InvalidLayerException where an entry is not taken; the message names layer and entry
   */
  static void forEach(DecodedLayer layer, Visitor visitor) throws IOException {
    TarReader reader = new TarReader(layer.channel());
    for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
      LayerEntry entry = new LayerEntry(layer, next.get());
      entry.take(visitor);
    }
  }

  /** Has this entry visited; what is wrong then names it. */
  void take(Visitor visitor) throws IOException {
    try {
      visitor.visit(this);
    } catch (InvalidLayerException e) {
      throw e;
    } catch (IllegalArgumentException | IOException e) {
      throw invalid(e.getMessage(), e);
    }
  }

  /**
   * The path of the entry.
   *
   * @throws IllegalArgumentException where it has none, or one that does not start at the layer's
   *     root
   */
  EntryPath path() {
    EntryPath path = EntryPath.of(tar.name());
    if (path.isAbsolute()) {
      throw new IllegalArgumentException(
          "the name is absolute; the names of a layer are relative to its root");
    }
    return path;
  }

  InvalidLayerException invalid(@Nullable String what, @Nullable Throwable cause) {
    return new InvalidLayerException(
        "layer " + layer.diffId() + ", entry \"" + tar.displayName() + "\": " + what, cause);
  }
}
