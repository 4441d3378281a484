package dev.nexrootfs.layer;

import dev.nexrootfs.oci.Digest;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.security.MessageDigest;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Writes an input to a file without a name, hashed and counted. */
final class SpoolStream extends OutputStream {
  /** The cache is asked for room once in so many bytes. */
  private static final int ROOM_BYTES = 1 << 20;

  private final FileChannel channel;
  private final long limit;
  private final String what;
  private final CacheDirectory directory;
  private final MessageDigest computation = Digest.newSha256();
  private long size;
  private long room;
  private @Nullable IOException failure;

  SpoolStream(FileChannel channel, long limit, String what, CacheDirectory directory) {
    this.directory = directory;
    this.channel = channel;
    this.limit = limit;
    this.what = what;
  }

  long size() {
    return size;
  }

  byte[] digest() {
    return computation.digest();
  }

  /** Why writing failed, if it did. */
  Optional<IOException> failure() {
    return Optional.ofNullable(failure);
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    try {
      if (size + length > limit) {
        throw new InvalidLayerException(
            what + " has more than " + limit + " bytes, the worker's limit for one", null);
      }
      if (size + length > room) {
        directory.makeRoom(length);
        room = size + length + ROOM_BYTES;
      }
      ByteBuffer buffer = ByteBuffer.wrap(bytes, offset, length);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      computation.update(bytes, offset, length);
      size += length;
    } catch (IOException e) {
      failure = e;
      throw e;
    }
  }
}
