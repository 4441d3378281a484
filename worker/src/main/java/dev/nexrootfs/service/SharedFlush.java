package dev.nexrootfs.service;

import io.nats.client.Connection;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Waits until the server has what was published, for many at once: a flush is a PING, and a client
 * with more of them unanswered than {@code Options.maxPingsOut} takes the server for dead and drops
 * the connection. Whoever asks while a PING is under way shares the next one.
 */
final class SharedFlush {
  private final Connection connection;
  private final Duration patience;
  private final AtomicLong asked = new AtomicLong();
  private final ReentrantLock turn = new ReentrantLock(true);

  /** All who asked up to this one are done; guarded by {@code turn}. */
  private long done;

  /**
   * @param patience how long one flush may take
   */
  SharedFlush(Connection connection, Duration patience) {
    this.connection = connection;
    this.patience = patience;
  }

  /**
   * Waits for what this thread published before.
   *
   * @throws TimeoutException where the server does not answer in time
   * @throws IllegalStateException where the connection is closed
   */
  void await() throws TimeoutException, InterruptedException {
    long ticket = asked.incrementAndGet();
    if (!turn.tryLock(2 * patience.toMillis(), TimeUnit.MILLISECONDS)) {
      throw new TimeoutException("the server answers no flush");
    }
    try {
      if (done < ticket) {
        long covered = asked.get();
        connection.flush(patience);
        done = covered;
      }
    } finally {
      turn.unlock();
    }
  }
}
