package dev.nexrootfs.service;

import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * JetStream while it is away, as one request, or one step of a build, meets it: a server that
 * restarts, a leader that is being elected. Whoever meets it waits, and takes the step again.
 */
final class Outage {
  private static final Logger LOG = LoggerFactory.getLogger(Outage.class);
  private static final Duration LONGEST = Duration.ofSeconds(60);
  private static final Duration PAUSE = Duration.ofMillis(500);

  private final String worker;
  private final Duration longest;
  private final Duration pause;
  private final BooleanSupplier isToStop;
  private long deadline;
  private boolean begun;

  /** One that may take a minute in all. */
  Outage(String worker) {
    this(worker, LONGEST, PAUSE, () -> false);
  }

  /**
   * One of its own length.
   *
   * @param longest from the first step that failed on
   * @param pause between two steps
   * @param isToStop whether nobody is to wait any more
   */
  Outage(String worker, Duration longest, Duration pause, BooleanSupplier isToStop) {
    this.isToStop = isToStop;
    this.worker = worker;
    this.longest = longest;
    this.pause = pause;
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
   * @throws RequestException what the step ends in otherwise, {@code STORE_FAILED} after the time
   *     or where the work is to stop, {@code DRAINING} where the worker stops meanwhile
   */
  <T> T sitOut(Step<T> step) throws RequestException {
    while (true) {
      try {
        return step.take();
      } catch (RequestException e) {
        if (e.code() != ErrorCode.STORE_FAILED || isOver() || isToStop.getAsBoolean()) {
          throw e;
        }
        LOG.debug("waiting for JetStream: {}", e.line());
        pause(e);
      }
    }
  }

  private boolean isOver() {
    long now = System.nanoTime();
    if (!begun) {
      begun = true;
      deadline = now + longest.toNanos();
    }
    return now - deadline > 0;
  }

  private void pause(RequestException e) throws RequestException {
    try {
      Thread.sleep(pause.toMillis());
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new RequestException(
          ErrorCode.DRAINING, "worker " + worker + " is stopping; ask again", e);
    }
  }
}
