package dev.nexrootfs.layer;

import dev.nexrootfs.oci.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;

/**
 * A layer as an uncompressed tar archive in the cache, open.
 *
 * @param diffId its digest
 * @param channel its bytes
 */
public record DecodedLayer(Digest diffId, FileChannel channel) implements Closeable {
  @Override
  public void close() throws IOException {
    channel.close();
  }
}
