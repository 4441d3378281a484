package dev.nexrootfs.layer;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** A layer that is corrupt or holds an entry that no file system may hold. */
public final class InvalidLayerException extends IOException {
  private static final long serialVersionUID = 1L;

  /** The message says which layer, which entry, which field, and the value. */
  public InvalidLayerException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
