package dev.nexrootfs.tar;

import java.io.IOException;

/** An archive that is not tar, is cut off, or goes past a limit; the message has the offset. */
public final class TarException extends IOException {
  private static final long serialVersionUID = 1L;

  TarException(long offset, String message) {
    super("tar archive, at byte " + offset + ": " + message);
  }

  TarException(long offset, String message, Throwable cause) {
    super("tar archive, at byte " + offset + ": " + message, cause);
  }
}
