package dev.nexrootfs.layer;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.tree.Content;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.security.MessageDigest;
import java.util.HexFormat;

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

  /** Its digest by {@code algorithm}, {@code sha256} or {@code sha512}. */
  public Digest digest(String algorithm) throws IOException {
    if (digest.algorithm().equals(algorithm)) {
      return digest;
    }
    MessageDigest computation = Digest.newComputation(algorithm);
    ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
    for (long at = 0; channel.read(buffer, at) >= 0; buffer.clear()) {
      at += buffer.flip().limit();
      computation.update(buffer);
    }
    return new Digest(algorithm + ":" + HexFormat.of().formatHex(computation.digest()));
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
