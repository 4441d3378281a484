package dev.nexrootfs.service;

import dev.nexrootfs.protocol.BuildReply;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/** The threads that build, a bounded queue before them, and what became of the builds. */
final class BuildSlots {
  private final int capacity;
  private final ThreadPoolExecutor executor;
  private final AtomicLong built = new AtomicLong();
  private final AtomicLong cached = new AtomicLong();
  private final AtomicLong failed = new AtomicLong();
  private final AtomicLong refused = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();
  private volatile boolean draining;

  BuildSlots(int capacity, int queue) {
    this.capacity = capacity;
    AtomicInteger number = new AtomicInteger();
    this.executor =
        new ThreadPoolExecutor(
            capacity,
            capacity,
            0,
            TimeUnit.SECONDS,
            new ArrayBlockingQueue<>(queue),
            task -> new Thread(task, "build-" + number.incrementAndGet()));
  }

  /**
   * Runs {@code job} when a slot is free.
   *
   * @throws RejectedExecutionException where the queue is full
   */
  void submit(Runnable job) {
    executor.execute(job);
  }

  boolean isDraining() {
    return draining;
  }

  /** Takes nothing more and waits for what runs or waits; whether all was done in time. */
  boolean drain(Duration grace) throws InterruptedException {
    draining = true;
    executor.shutdown();
    return executor.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS);
  }

  void countBuilt(BuildReply reply) {
    (reply.cached() ? cached : built).incrementAndGet();
    bytes.addAndGet(reply.cached() ? 0 : reply.size());
  }

  void countFailed() {
    failed.incrementAndGet();
  }

  void countRefused() {
    refused.incrementAndGet();
  }

  /** What the service's statistics say of this worker. */
  Counts counts() {
    return new Counts(
        capacity,
        executor.getActiveCount(),
        executor.getQueue().size(),
        built.get(),
        cached.get(),
        failed.get(),
        refused.get(),
        bytes.get(),
        draining);
  }

  /**
   * The figures of a worker since it started.
   *
   * @param capacity builds at once
   * @param running builds now
   * @param queued requests that wait
   * @param built images built and stored
   * @param cached requests answered by an image that was there
   * @param failed builds that ended in an error
   * @param refused requests that were never queued
   * @param bytes bytes of images stored
   * @param draining whether the worker is stopping
   */
  record Counts(
      int capacity,
      int running,
      int queued,
      long built,
      long cached,
      long failed,
      long refused,
      long bytes,
      boolean draining) {}
}
