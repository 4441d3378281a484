package dev.nexrootfs.build;

import dev.nexrootfs.oci.InvalidImageException;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A configuration file of a base image, read whole. */
final class SmallText {
  private static final int MAX_BYTES = 1 << 20;

  private SmallText() {}

  /** The file's bytes, one character for each. */
  static String read(String path, Node node) throws IOException {
    if (!(node instanceof RegularFile file)) {
      throw new InvalidImageException(path + " is not a regular file");
    }
    long size = file.content().size();
    if (size > MAX_BYTES) {
      throw new InvalidImageException(
          path + " has " + size + " bytes; at most " + MAX_BYTES + " are read of it");
    }
    ByteBuffer bytes = ByteBuffer.allocate((int) size);
    file.content().read(0, bytes);
    return StandardCharsets.ISO_8859_1.decode(bytes.flip()).toString();
  }
}
