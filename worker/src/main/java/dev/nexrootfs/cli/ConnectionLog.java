package dev.nexrootfs.cli;

import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.Consumer;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes what befalls a connection to the log. */
final class ConnectionLog implements ErrorListener, ConnectionListener {
  private static final Logger LOG = LoggerFactory.getLogger(ConnectionLog.class);

  private final String name;
  private final NatsSettings settings;
  private volatile boolean up;

  ConnectionLog(String name, NatsSettings settings) {
    this.name = name;
    this.settings = settings;
  }

  // The interface demands its deprecated form.
  @SuppressWarnings("deprecation")
  @Override
  public void connectionEvent(Connection connection, Events event) {
    switch (event) {
      case CONNECTED -> up = true;
      case DISCONNECTED -> {
        // The client says so of each try to connect, too.
        if (up) {
          LOG.warn("{}: the connection is lost; trying again", name);
        }
        up = false;
      }
      case RECONNECTED -> {
        up = true;
        LOG.info("{}: connected again, to {}", name, connection.getServerInfo().getServerName());
      }
      case LAME_DUCK -> LOG.info("{}: the server is going; another will be taken", name);
      default -> LOG.debug("{}: {}", name, event);
    }
  }

  @Override
  public void errorOccurred(Connection connection, String error) {
    LOG.error("{}: the server says {}", name, settings.redact(error));
  }

  @Override
  public void exceptionOccurred(Connection connection, Exception e) {
    if (connection.getStatus() == Connection.Status.CONNECTED) {
      LOG.warn("{}: {}", name, settings.redact(e.toString()));
    } else {
      // One for each try to connect; that the connection is away has been told.
      LOG.debug("{}: {}", name, settings.redact(e.toString()));
    }
  }

  @Override
  public void slowConsumerDetected(Connection connection, Consumer consumer) {
    LOG.error("{}: messages were dropped, they came faster than they were handled", name);
  }

  @Override
  public void messageDiscarded(Connection connection, Message message) {
    LOG.error(
        "{}: a message to {} was discarded while the connection was away",
        name,
        message.getSubject());
  }
}
