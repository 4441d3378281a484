package dev.nexrootfs.cli;

import io.nats.client.Connection;

/**
 * A connection for as long as a command runs.
 *
 * @param connection the connection
 */
record NatsSession(Connection connection) implements AutoCloseable {
  @Override
  public void close() {
    try {
      connection.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
