package dev.nexrootfs.build;

import java.io.IOException;

/**
 * A base's /etc/inittab, as busybox's init and sysvinit read it: {@code
 * id:runlevels:action:process}.
 */
final class Inittab {
  static final String PATH = "/etc/inittab";

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

  /** Whether a line has {@code action}, like {@code shutdown}. */
  boolean hasAction(String action) throws IOException {
    return overlay
        .text(PATH)
        .lines()
        .filter(line -> !line.stripLeading().startsWith("#"))
        .map(line -> line.split(":", 4))
        .anyMatch(fields -> fields.length == 4 && fields[2].equals(action));
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
