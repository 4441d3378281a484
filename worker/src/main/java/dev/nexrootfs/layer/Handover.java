package dev.nexrootfs.layer;

import java.io.Closeable;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that one thread makes and another takes, in order and a few buffers ahead: what decodes a
 * layer does not wait for what hashes and writes it. For one thread that makes them.
 */
final class Handover implements Closeable {
  private static final int BUFFER_BYTES = 1 << 17;
  private static final int BUFFERS = 4;
  private static final Filled END = new Filled(new byte[0], -1);

  private final Taker taker;
  private final BlockingQueue<byte[]> free = new ArrayBlockingQueue<>(BUFFERS);
  private final BlockingQueue<Filled> filled = new ArrayBlockingQueue<>(BUFFERS + 1);
  private final Thread thread = new Thread(this::takeAll, "handover");
  private boolean ended;

  /** What the taker threw; it takes nothing more, and gives the buffers back. */
  private volatile @Nullable Exception failure;

  /** A buffer with bytes. */
  private record Filled(byte[] bytes, int length) {}

  /** Takes bytes, in a thread of its own; they are its own until it returns. */
  @FunctionalInterface
  interface Taker {
    void take(byte[] bytes, int length) throws IOException;
  }

  Handover(Taker taker) {
    this.taker = taker;
    for (int i = 0; i < BUFFERS; i++) {
      free.add(new byte[BUFFER_BYTES]);
    }
    thread.setDaemon(true);
    thread.start();
  }

  /**
   * An empty buffer, when there is one.
   *
   * @throws IOException what the taker threw
   */
  byte[] empty() throws IOException {
    check();
    try {
      return free.take();
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  /** Hands over the first {@code length} bytes of a buffer that {@link #empty} gave. */
  void give(byte[] buffer, int length) {
    filled.add(new Filled(buffer, length));
  }

  /**
   * Waits until everything is taken.
   *
   * @throws IOException what the taker threw
   */
  void finish() throws IOException {
    end();
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw interrupted();
    }
    check();
  }

  /** Ends the taker after what it was given: it never goes on behind the back of its user. */
  @Override
  public void close() {
    end();
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void end() {
    if (!ended) {
      ended = true;
      filled.add(END);
    }
  }

  private void takeAll() {
    try {
      for (Filled next = filled.take(); next.length() >= 0; next = filled.take()) {
        takeOne(next);
        free.add(next.bytes());
      }
    } catch (InterruptedException e) {
      failure = e; // nobody knows this thread
    }
  }

  private void takeOne(Filled next) {
    if (failure != null) {
      return;
    }
    try {
      taker.take(next.bytes(), next.length());
    } catch (IOException | RuntimeException e) {
      failure = e;
    }
  }

  private void check() throws IOException {
    Exception thrown = failure;
    if (thrown instanceof IOException io) {
      throw io;
    }
    if (thrown instanceof RuntimeException fault) {
      throw fault;
    }
    if (thrown != null) {
      throw new IOException("the thread that takes bytes was interrupted", thrown);
    }
  }

  private static InterruptedIOException interrupted() {
    Thread.currentThread().interrupt();
    return new InterruptedIOException("interrupted while a layer was decoded");
  }
}
