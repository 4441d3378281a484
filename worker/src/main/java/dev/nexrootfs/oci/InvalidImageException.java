package dev.nexrootfs.oci;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** An image that is there and malformed. */
public final class InvalidImageException extends IOException {
  private static final long serialVersionUID = 1L;

  /** The message says which document of which image, and what is wrong with it. */
  public InvalidImageException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /** The message says which document of which image, and what is wrong with it. */
  public InvalidImageException(String message) {
    super(message);
  }
}
