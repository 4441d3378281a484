package dev.nexrootfs.oci;

import java.io.IOException;

/** Bytes that do not have the digest or the size that was promised for them. */
public final class DigestMismatchException extends IOException {
  private static final long serialVersionUID = 1L;

  /** The message says what, where, what was promised and what came. */
  public DigestMismatchException(String message) {
    super(message);
  }
}
