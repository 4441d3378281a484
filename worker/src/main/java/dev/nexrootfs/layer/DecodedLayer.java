package dev.nexrootfs.layer;

import dev.nexrootfs.oci.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;

/**
 * A layer as an uncompressed tar archive in the cache, open; it stays there until it is closed.
 *
 * @param diffId its digest
 * @param channel its bytes
 * @param pin what keeps it in the cache
 */
public record DecodedLayer(Digest diffId, FileChannel channel, Closeable pin) implements Closeable {
  /** A layer that no cache keeps. */
  public DecodedLayer(Digest diffId, FileChannel channel) {
    this(diffId, channel, channel);
  }

  @Override
  public void close() throws IOException {
    try (pin) {
      channel.close();
    }
  }
}
