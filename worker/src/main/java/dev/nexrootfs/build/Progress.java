package dev.nexrootfs.build;

/** Is told how far a build is. */
@FunctionalInterface
public interface Progress {
  /** Nobody listens. */
  Progress NONE = (phase, percent, message) -> {};

  /**
   * The build is this far.
   *
   * @param phase what it is doing
   * @param percent of the whole build, 0 to 100
   * @param message one line for a person
   */
  void report(Phase phase, int percent, String message);

  /**
   * Called often where there is nothing to report; it may throw, as {@link #report} may, to stop
   * the build.
   */
  default void check() {}
}
