package dev.nexrootfs.oci;

import java.io.IOException;

/** An image that is not where it was said to be, or has nothing for the platform. */
public final class ImageNotFoundException extends IOException {
  private static final long serialVersionUID = 1L;

  /** The message says what was looked for, where, and what is there instead. */
  public ImageNotFoundException(String message) {
    super(message);
  }
}
