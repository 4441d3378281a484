package dev.nexrootfs.store;

import io.nats.client.Connection;
import java.util.Locale;
import java.util.Optional;

/**
 * What the server said that an identity may not do. It says so beside the answers, of which there
 * is none then: to whoever waits for one it looks like a server that is away.
 */
public final class Denial {
  private static final String VIOLATION = "permissions violation";

  private Denial() {}

  /** What was denied last, and what to do; empty where nothing was since {@link #forget}. */
  public static Optional<String> of(Connection connection) {
    String said = String.valueOf(connection.getLastError());
    if (!said.toLowerCase(Locale.ROOT).contains(VIOLATION)) {
      return Optional.empty();
    }
    return Optional.of(
        said.contains("for Subscription to \"_INBOX")
            ? said + "; give the --inbox-prefix that this user may hear, as _INBOX.NAME"
            : said);
  }

  /** The same, where it is about a subject of which {@code part} is the beginning. */
  public static Optional<String> of(Connection connection, String part) {
    return of(connection).filter(said -> said.contains("\"" + part));
  }

  /** Forgets what the server has said so far. */
  public static void forget(Connection connection) {
    connection.clearLastError();
  }
}
