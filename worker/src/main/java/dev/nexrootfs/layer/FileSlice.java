package dev.nexrootfs.layer;

import dev.nexrootfs.tree.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * Content that is a part of a file: of a decoded layer, or of a whole input.
 *
 * @param channel the file, open as long as the content is used
 * @param offset where the content starts, bytes
 * @param size how long it is, bytes
 */
public record FileSlice(FileChannel channel, long offset, long size) implements Content {
  @Override
  public void read(long position, ByteBuffer target) throws IOException {
    java.util.Objects.checkFromIndexSize(position, target.remaining(), size);
    long at = offset + position;
    while (target.hasRemaining()) {
      int got = channel.read(target, at);
      if (got < 0) {
        throw new IOException("a cached file became shorter: no byte at " + at);
      }
      at += got;
    }
  }
}
