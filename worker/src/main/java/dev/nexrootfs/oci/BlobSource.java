package dev.nexrootfs.oci;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;

/** Somewhere that blobs are. */
public interface BlobSource extends Closeable {
  /**
   * The bytes of {@code descriptor}, not yet verified.
   *
   * @throws ImageNotFoundException where there is no such blob
   */
  InputStream open(Descriptor descriptor) throws IOException;

  /** The place, for messages. */
  String place();

  /**
   * The bytes of {@code descriptor}; reading to the end fails unless size and digest are as
   * promised.
   */
  default InputStream openVerified(Descriptor descriptor) throws IOException {
    return new VerifyingStream(open(descriptor), descriptor, place());
  }

  /**
   * A small blob, whole and verified.
   *
   * @throws InvalidImageException where the descriptor says more than {@code limit} bytes
   */
  default byte[] read(Descriptor descriptor, int limit) throws IOException {
    if (descriptor.size() > limit) {
      throw new InvalidImageException(
          place()
              + ": "
              + descriptor.digest()
              + " has "
              + descriptor.size()
              + " bytes; at most "
              + limit);
    }
    try (InputStream stream = openVerified(descriptor)) {
      return stream.readAllBytes();
    }
  }
}
