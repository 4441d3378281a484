package dev.nexrootfs.cli;

import org.jspecify.annotations.Nullable;

/** What the user is told when a command fails. */
final class CommandFailure extends Exception {
  private static final long serialVersionUID = 1L;

  CommandFailure(String message) {
    super(message);
  }

  CommandFailure(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
