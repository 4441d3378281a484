package dev.nexrootfs.service;

import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * JetStream while it is away, as one request, or one step of a build, meets it: a server that
 * restarts, a leader that is being elected. The request waits, a minute in all, and goes on with
 * the step it could not take.
 */
final class Outage {
  private static final Logger LOG = LoggerFactory.getLogger(Outage.class);
  private static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(60);
  private static final long PAUSE_MILLIS = 500;

  private final String worker;
  private final long deadline = System.nanoTime() + LONGEST_NANOS;

  Outage(String worker) {
    this.worker = worker;
  }

  /** A step that does no harm when it is taken twice. */
  @FunctionalInterface
  interface Step<T> {
    T take() throws RequestException;
  }

  /** A step that has no result. */
  @FunctionalInterface
  interface Writing {
    void take() throws RequestException;
  }

  /** The same for a step without a result. */
  void sitOut(Writing step) throws RequestException {
    var unused =
        sitOut(
            () -> {
              step.take();
              return true;
            });
  }

  /**
   * Takes a step, again and again while the store fails.
   *
   * @throws RequestException what the step ends in otherwise, {@code STORE_FAILED} after a minute,
   *     {@code DRAINING} where the worker stops meanwhile
   */
  <T> T sitOut(Step<T> step) throws RequestException {
    while (true) {
      try {
        return step.take();
      } catch (RequestException e) {
        if (e.code() != ErrorCode.STORE_FAILED || System.nanoTime() > deadline) {
          throw e;
        }
        LOG.debug("a request waits: {}", e.line());
        pause(e);
      }
    }
  }

  private void pause(RequestException e) throws RequestException {
    try {
      Thread.sleep(PAUSE_MILLIS);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new RequestException(
          ErrorCode.DRAINING, "worker " + worker + " is stopping; ask again", e);
    }
  }
}
