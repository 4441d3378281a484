package dev.nexrootfs.sandbox;

/** A kind of sandbox that this machine does not give; the message says what is missing. */
final class UnavailableException extends Exception {
  private static final long serialVersionUID = 1L;

  UnavailableException(String message) {
    super(message);
  }
}
