package dev.nexrootfs.layer;

import java.io.IOException;

/** The cache has reached its limit with what is in use. */
public final class CacheFullException extends IOException {
  private static final long serialVersionUID = 1L;

  CacheFullException(String message) {
    super(message);
  }
}
