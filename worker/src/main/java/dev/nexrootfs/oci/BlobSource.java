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

  /**
   * The bytes of {@code descriptor} from {@code from} on, not verified; where the place can,
   * without those before.
   */
  default InputStream open(Descriptor descriptor, long from) throws IOException {
    InputStream stream = open(descriptor);
    stream.skipNBytes(from);
    return stream;
  }

  /**
   * Tells that what came for {@code descriptor} was not what was promised; whether there is another
   * place to ask, which the next {@code open} will do.
   */
  default boolean reject(Descriptor descriptor) {
    return false;
  }

  /** The place, for messages. */
  String place();

  /**
   * The bytes of {@code descriptor}; reading to the end fails unless size and digest are as
   * promised.
   */
  default InputStream openVerified(Descriptor descriptor) throws IOException {
    return verified(open(descriptor), descriptor, place());
  }

  /** {@code stream}, which has to be {@code descriptor}'s bytes; its end fails otherwise. */
  static InputStream verified(InputStream stream, Descriptor descriptor, String place) {
    return new VerifyingStream(stream, descriptor, place);
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
    while (true) {
      try (InputStream stream = openVerified(descriptor)) {
        return stream.readAllBytes();
      } catch (DigestMismatchException e) {
        if (!reject(descriptor)) {
          throw e;
        }
      }
    }
  }
}
