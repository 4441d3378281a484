package dev.nexrootfs.cli;

import java.nio.file.Path;

/** The user's home, for what is kept there. */
final class Home {
  private Home() {}

  /** {@code $HOME}, as for every other program; where it is unset, what the user database has. */
  static Path directory() {
    String home = System.getenv("HOME");
    return Path.of(home == null || home.isBlank() ? System.getProperty("user.home") : home);
  }
}
