package dev.nexrootfs.build;

import java.util.Locale;

/** What a build is doing. */
public enum Phase {
  /** Finding the inputs. */
  RESOLVE(0, 5),
  /** Reading and decoding layers. */
  LAYERS(5, 45),
  /** Running the script. */
  SCRIPT(45, 47),
  /** Merging and laying out. */
  PLAN(47, 50),
  /** Rendering and storing the image. */
  STORE(50, 100),
  /** Nothing any more. */
  DONE(100, 100);

  private final int start;
  private final int end;

  Phase(int start, int end) {
    this.start = start;
    this.end = end;
  }

  /** The percentage at which the phase starts. */
  public int percent() {
    return start;
  }

  /** The percentage when {@code done} of {@code total} of the phase's work is done. */
  public int percent(long done, long total) {
    return total <= 0 ? start : start + (int) ((end - start) * Math.min(done, total) / total);
  }

  /** The name as events carry it. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }
}
