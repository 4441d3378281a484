package dev.nexrootfs.registry;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/**
 * A response's body that fails when it stands still: the JDK's client has no timeout for bodies.
 * Only the time that a reader waits counts, not what it does between its reads.
 */
final class WatchedStream extends FilterInputStream {
  private static final int LOOKS_PER_STALL = 4;

  private final String what;
  private final long stallNanos;
  private final ScheduledFuture<?> watch;
  private long waited;
  private long blockedSince;
  private boolean blocked;
  private long bytes;
  private boolean stalled;

  WatchedStream(
      InputStream body, String what, Patience patience, ScheduledExecutorService watchdog) {
    super(body);
    this.what = what;
    this.stallNanos = patience.stall().toNanos();
    long look = Math.max(1, stallNanos / LOOKS_PER_STALL);
    this.watch = watchdog.scheduleWithFixedDelay(this::look, look, look, TimeUnit.NANOSECONDS);
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    begin();
    int got = 0;
    try {
      got = in.read(target, offset, length);
    } finally {
      end(got);
    }
    return got;
  }

  private synchronized void begin() {
    blocked = true;
    blockedSince = System.nanoTime();
  }

  private synchronized void end(int got) throws IOException {
    blocked = false;
    waited += System.nanoTime() - blockedSince;
    bytes += Math.max(0, got);
    if (stalled) {
      throw new IOException(
          what
              + " stands still: fewer than "
              + Patience.STALL_BYTES
              + " bytes in "
              + TimeUnit.NANOSECONDS.toMillis(stallNanos)
              + " ms");
    }
  }

  private void look() {
    if (isStalled()) {
      try {
        in.close(); // which ends the read that waits
      } catch (IOException e) {
        // The reader is told that the body stalled; that it does not close either adds nothing.
        return;
      }
    }
  }

  private synchronized boolean isStalled() {
    long now = System.nanoTime();
    long soFar = waited + (blocked ? now - blockedSince : 0);
    if (soFar < stallNanos) {
      return false;
    }
    if (bytes >= Patience.STALL_BYTES) {
      waited = 0;
      bytes = 0;
      blockedSince = now;
      return false;
    }
    stalled = true;
    return true;
  }

  @Override
  public void close() throws IOException {
    watch.cancel(false);
    in.close();
  }
}
