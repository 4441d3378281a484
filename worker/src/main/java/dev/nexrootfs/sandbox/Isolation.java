package dev.nexrootfs.sandbox;

import java.util.Locale;

/** What keeps a script away from the machine it runs on, the strongest first. */
public enum Isolation {
  /** Namespaces of a worker without privileges, whose subordinate ids the script's users have. */
  USERNS,
  /** Namespaces of a worker that is root; the script's users have ids that nobody else has. */
  USERNS_ROOT,
  /** Nothing but another root directory: for scripts that the operator trusts. */
  CHROOT;

  /** The name in statistics and replies. */
  public String text() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
