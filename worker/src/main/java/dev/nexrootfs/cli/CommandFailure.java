package dev.nexrootfs.cli;

import org.jspecify.annotations.Nullable;

/** What the user is told when a command fails, and the status that it exits with. */
final class CommandFailure extends Exception {
  private static final long serialVersionUID = 1L;

  private final int status;

  CommandFailure(String message) {
    this(message, null);
  }

  CommandFailure(String message, @Nullable Throwable cause) {
    this(ExitStatus.FAILED, message, cause);
  }

  /** A command line that is wrong in itself; the message names the flag and the value. */
  static CommandFailure usage(String message, @Nullable Throwable cause) {
    return new CommandFailure(ExitStatus.USAGE, message, cause);
  }

  CommandFailure(int status, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.status = status;
  }

  /** One of {@link ExitStatus}. */
  int status() {
    return status;
  }
}
