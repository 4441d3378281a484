package dev.nexrootfs.layer;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.tree.Content;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;

/**
 * An input of a build on this machine's disk: the agent, a file, an archive of an image. Its file
 * has no name any more, so nothing is left behind however the worker ends.
 *
 * @param digest its SHA-256
 * @param channel its bytes
 * @param size how many they are
 */
public record SpooledInput(Digest digest, FileChannel channel, long size) implements Closeable {
  /** The bytes as a file's content. */
  public Content content() {
    return new FileSlice(channel, 0, size);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
