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
 * @param mayHaveWhiteouts false where it is known that none of its entries is a whiteout
 */
public record DecodedLayer(
    Digest diffId, FileChannel channel, Closeable pin, boolean mayHaveWhiteouts)
    implements Closeable {
  /** A layer that no cache keeps, and nobody has looked into. */
  public DecodedLayer(Digest diffId, FileChannel channel) {
    this(diffId, channel, channel, true);
  }

  @Override
  public void close() throws IOException {
    try (pin) {
      channel.close();
    }
  }
}
