package dev.nexrootfs.cli;

import java.io.PrintWriter;
import java.io.Writer;

/**
 * One line that shows how far a build is: rewritten on a terminal; elsewhere a line for each tenth
 * and phase, or for everything that is told.
 */
final class ProgressLine {
  private static final int WIDTH = 24;

  /** Shows nothing. */
  static final ProgressLine NONE =
      new ProgressLine(new PrintWriter(Writer.nullWriter()), false, false);

  private final PrintWriter out;
  private final boolean terminal;
  private final boolean all;
  private int shown = -1;
  private String shownPhase = "";

  ProgressLine(PrintWriter out, boolean terminal, boolean all) {
    this.out = out;
    this.terminal = terminal;
    this.all = all;
  }

  /** A line on {@code out}; the start script says whether that is a terminal. */
  static ProgressLine on(PrintWriter out) {
    return new ProgressLine(out, Boolean.getBoolean("nex-rootfs.terminal"), false);
  }

  /** The same, with a line for everything that is told where {@code out} is no terminal. */
  static ProgressLine ofAllOn(PrintWriter out) {
    return new ProgressLine(out, Boolean.getBoolean("nex-rootfs.terminal"), true);
  }

  synchronized void show(int percent, String phase, String message) {
    if (percent < shown) {
      return;
    }
    if (!terminal && !all && percent / 10 == shown / 10 && phase.equals(shownPhase)) {
      return;
    }
    shown = percent;
    shownPhase = phase;
    int filled = percent * WIDTH / 100;
    String bar = "=".repeat(filled) + " ".repeat(WIDTH - filled);
    String line = String.format("[%s] %3d%% %-7s %s", bar, percent, phase, message);
    if (terminal) {
      out.print("\r\u001b[K" + (line.length() > 100 ? line.substring(0, 100) : line));
    } else {
      out.println(line);
    }
    out.flush();
  }

  /** Ends the line. */
  synchronized void end() {
    if (terminal && shown >= 0) {
      out.println();
      out.flush();
    }
  }
}
