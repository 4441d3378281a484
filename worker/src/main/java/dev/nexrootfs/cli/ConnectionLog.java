package dev.nexrootfs.cli;

import io.nats.client.Connection;
import io.nats.client.ConnectionListener;
import io.nats.client.Consumer;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes what befalls a connection to the log. */
final class ConnectionLog implements ErrorListener, ConnectionListener {
  private static final Logger LOG = LoggerFactory.getLogger(ConnectionLog.class);

  /** Different faults that are told of one loss. */
  private static final int MAX_FAULTS = 8;

  private final String name;
  private final NatsSettings settings;
  private final Set<String> toldFaults = ConcurrentHashMap.newKeySet();
  private volatile boolean up;
  private volatile boolean wasUp;

  ConnectionLog(String name, NatsSettings settings) {
    this.name = name;
    this.settings = settings;
  }

  // The interface demands its deprecated form.
  @SuppressWarnings("deprecation")
  @Override
  public void connectionEvent(Connection connection, Events event) {
    switch (event) {
      case CONNECTED -> {
        up = true;
        wasUp = true;
      }
      case DISCONNECTED -> {
        // The client says so of each try to connect, too.
        if (up) {
          LOG.warn("{}: the connection is lost; trying again", name);
        }
        up = false;
      }
      case RECONNECTED -> {
        up = true;
        toldFaults.clear();
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
    String fault = settings.redact(e.toString());
    boolean connected = connection.getStatus() == Connection.Status.CONNECTED;
    // Each try to connect has its own. Before the first success whoever connects tells the last.
    if (connected || (wasUp && toldFaults.size() < MAX_FAULTS && toldFaults.add(fault))) {
      LOG.warn("{}: {}", name, fault);
    } else {
      LOG.debug("{}: {}", name, fault);
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
