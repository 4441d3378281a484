package dev.nexrootfs.oci;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;

/**
 * A blob's bytes: never more than were promised, and at their end the digest that was promised, or
 * an exception.
 */
final class VerifyingStream extends FilterInputStream {
  private final Descriptor descriptor;
  private final String place;
  private final MessageDigest computation;
  private long count;
  private boolean verified;

  VerifyingStream(InputStream in, Descriptor descriptor, String place) {
    super(in);
    this.descriptor = descriptor;
    this.place = place;
    this.computation = descriptor.digest().newComputation();
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    int got = in.read(target, offset, length);
    if (got < 0) {
      verify();
      return -1;
    }
    count += got;
    if (count > descriptor.size()) {
      throw new DigestMismatchException(
          place
              + ": "
              + descriptor.digest()
              + " is longer than the "
              + descriptor.size()
              + " bytes promised");
    }
    computation.update(target, offset, got);
    return got;
  }

  @Override
  public long skip(long n) throws IOException {
    long left = n;
    byte[] scratch = new byte[8192];
    while (left > 0) {
      int got = read(scratch, 0, (int) Math.min(left, scratch.length));
      if (got < 0) {
        break;
      }
      left -= got;
    }
    return n - left;
  }

  @Override
  public boolean markSupported() {
    return false;
  }

  private void verify() throws IOException {
    if (verified) {
      return;
    }
    if (count != descriptor.size()) {
      throw new DigestMismatchException(
          place
              + ": "
              + descriptor.digest()
              + " has "
              + count
              + " bytes where "
              + descriptor.size()
              + " were promised");
    }
    byte[] hash = computation.digest();
    if (!descriptor.digest().matches(hash)) {
      throw new DigestMismatchException(
          place
              + ": content of digest "
              + descriptor.digest().algorithm()
              + ":"
              + java.util.HexFormat.of().formatHex(hash)
              + " where "
              + descriptor.digest()
              + " was promised");
    }
    verified = true;
  }
}
