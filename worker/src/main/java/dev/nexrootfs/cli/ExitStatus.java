package dev.nexrootfs.cli;

/** What a command exits with, for scripts; 0 is success. */
final class ExitStatus {
  /** Anything that has no status of its own. */
  static final int FAILED = 1;

  /** A wrong command line, as picocli has it. */
  static final int USAGE = 2;

  /** The bucket has no such image, or {@code --check} finds that the file is not the image. */
  static final int NOT_THERE = 3;

  /** The pool refused to build, or could not. */
  static final int NOT_BUILT = 4;

  /** The time that was given is over; the same command later goes on from what there is then. */
  static final int TIMED_OUT = 5;

  private ExitStatus() {}
}
