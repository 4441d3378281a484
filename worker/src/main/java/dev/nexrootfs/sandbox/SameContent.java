package dev.nexrootfs.sandbox;

import dev.nexrootfs.tree.Content;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Whether two contents are the same bytes. */
final class SameContent {
  private static final int BUFFER_BYTES = 1 << 17;
  private static final ThreadLocal<ByteBuffer[]> BUFFERS =
      ThreadLocal.withInitial(
          () ->
              new ByteBuffer[] {
                ByteBuffer.allocateDirect(BUFFER_BYTES), ByteBuffer.allocateDirect(BUFFER_BYTES)
              });

  private SameContent() {}

  static boolean of(Content one, Content other) throws IOException {
    if (one.size() != other.size()) {
      return false;
    }
    ByteBuffer[] buffers = BUFFERS.get();
    for (long at = 0; at < one.size(); at += BUFFER_BYTES) {
      int length = (int) Math.min(BUFFER_BYTES, one.size() - at);
      for (int i = 0; i < 2; i++) {
        buffers[i].clear().limit(length);
        (i == 0 ? one : other).read(at, buffers[i]);
        buffers[i].flip();
      }
      if (!buffers[0].equals(buffers[1])) {
        return false;
      }
    }
    return true;
  }
}
