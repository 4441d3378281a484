package dev.nexrootfs.store;

import io.nats.client.api.PublishAck;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Chunks that were sent and not yet acknowledged, in order. The first refusal ends the upload. */
final class ChunkWindow {
  /** Longer than any expiry of the client's own: then the future has failed by itself. */
  private static final long ACK_SECONDS = 60;

  private static final long SETTLE_SECONDS = 15;

  private static final Logger LOG = LoggerFactory.getLogger(ChunkWindow.class);

  private final int capacity;
  private final LongConsumer progress;
  private final Deque<InFlight> inFlight = new ArrayDeque<>();
  private long acknowledged;

  private record InFlight(CompletableFuture<PublishAck> ack, int bytes) {}

  /** A chunk that the server refused, or did not acknowledge in time. */
  static final class RefusedException extends IOException {
    private static final long serialVersionUID = 1L;

    RefusedException(Throwable cause) {
      super("a chunk was not acknowledged: " + cause, cause);
    }
  }

  ChunkWindow(int capacity, LongConsumer progress) {
    this.capacity = capacity;
    this.progress = progress;
  }

  /** Waits until one more chunk may be sent. */
  void awaitRoom() throws RefusedException {
    while (inFlight.size() >= capacity) {
      awaitFirst();
    }
  }

  void add(CompletableFuture<PublishAck> ack, int bytes) {
    inFlight.addLast(new InFlight(ack, bytes));
  }

  /** Waits for every acknowledgement. */
  void awaitAll() throws RefusedException {
    while (!inFlight.isEmpty()) {
      awaitFirst();
    }
  }

  /**
   * After a refusal: waits for what is under way, whatever becomes of it, so that a purge comes
   * after it.
   */
  void settle() {
    boolean interrupted = Thread.interrupted();
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SETTLE_SECONDS);
    while (!inFlight.isEmpty()) {
      try {
        inFlight.removeFirst().ack().get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      } catch (ExecutionException | CancellationException | TimeoutException e) {
        // How it ended does not matter any more: the whole try is given up.
        LOG.debug("a chunk under way ended with {}", e.toString());
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void awaitFirst() throws RefusedException {
    InFlight first = inFlight.removeFirst();
    try {
      first.ack().get(ACK_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new RefusedException(rootOf(e));
    } catch (CancellationException | TimeoutException e) {
      throw new RefusedException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RefusedException(e);
    }
    acknowledged += first.bytes();
    progress.accept(acknowledged);
  }

  /** The client wraps the server's answer in runtime exceptions. */
  private static Throwable rootOf(Throwable e) {
    Throwable root = e;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root;
  }
}
