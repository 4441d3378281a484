package dev.nexrootfs.build;

import java.io.IOException;
import java.util.regex.Pattern;

/**
 * A base's /etc/inittab, as busybox's init and sysvinit read it: {@code
 * id:runlevels:action:process}.
 */
final class Inittab {
  static final String PATH = "/etc/inittab";

  private static final Pattern PLAIN_PATH =
      Pattern.compile("(/[A-Za-z0-9_+-][A-Za-z0-9_.+-]{0,99}){1,9}");

  private final GuestOverlay overlay;

  Inittab(GuestOverlay overlay) {
    this.overlay = overlay;
  }

  boolean exists() throws IOException {
    return overlay.has(PATH);
  }

  /** Whether a line that counts holds {@code word}. */
  boolean mentions(String word) throws IOException {
    return overlay
        .text(PATH)
        .lines()
        .anyMatch(line -> !line.stripLeading().startsWith("#") && line.contains(word));
  }

  /**
   * Whether a line has {@code action}, like {@code shutdown}, and a program that is there: Alpine's
   * names those of OpenRC also where OpenRC is not installed.
   */
  boolean hasAction(String action) throws IOException {
    for (String line : overlay.text(PATH).lines().toList()) {
      String[] fields = line.split(":", 4);
      boolean counts = fields.length == 4 && !line.stripLeading().startsWith("#");
      if (counts && fields[2].equals(action)) {
        String program = fields[3].strip().replaceFirst("^-", "").split("[ \t]", 2)[0];
        // What is no plain path the shell finds, or nobody; it is the base's own affair.
        if (!PLAIN_PATH.matcher(program).matches() || overlay.has(program)) {
          return true;
        }
      }
    }
    return false;
  }

  /** Adds a line before all others: of one action, they are run in the file's order. */
  void addFirst(String line) throws IOException {
    overlay.edit(PATH, 0644, line + "\n" + overlay.text(PATH));
  }

  /** Adds a line at the end. */
  void add(String line) throws IOException {
    overlay.append(PATH, 0644, line + "\n");
  }
}
