package dev.nexrootfs.service;

import dev.nexrootfs.build.CacheUse;
import dev.nexrootfs.protocol.BuildReply;
import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a worker has done since it started, for its statistics. */
final class Figures {
  private static final Logger LOG = LoggerFactory.getLogger(Figures.class);

  private final int capacity;
  private final CacheReading cache;
  private final String isolation;
  private final AtomicInteger running = new AtomicInteger();
  private final AtomicInteger waiting = new AtomicInteger();
  private final AtomicLong requests = new AtomicLong();
  private final AtomicLong built = new AtomicLong();
  private final AtomicLong hits = new AtomicLong();
  private final AtomicLong joined = new AtomicLong();
  private final AtomicLong failed = new AtomicLong();
  private final AtomicLong cancelled = new AtomicLong();
  private final AtomicLong refused = new AtomicLong();
  private final AtomicLong handedBack = new AtomicLong();
  private final AtomicLong unheard = new AtomicLong();
  private final AtomicLong bytes = new AtomicLong();
  private final Map<String, Long> phaseMillis = new TreeMap<>();
  private volatile boolean draining;

  Figures(int capacity, String isolation, CacheReading cache) {
    this.capacity = capacity;
    this.isolation = isolation;
    this.cache = cache;
  }

  /** Where the cache's figures come from. */
  @FunctionalInterface
  interface CacheReading {
    CacheUse read() throws IOException;
  }

  void countRequest() {
    requests.incrementAndGet();
  }

  void begin() {
    running.incrementAndGet();
  }

  void end() {
    running.decrementAndGet();
  }

  void park() {
    waiting.incrementAndGet();
  }

  void leave() {
    waiting.decrementAndGet();
  }

  void countBuilt(BuildReply reply) {
    if (reply.cached()) {
      hits.incrementAndGet();
      return;
    }
    built.incrementAndGet();
    bytes.addAndGet(reply.size());
    synchronized (phaseMillis) {
      reply.durations().forEach((phase, millis) -> phaseMillis.merge(phase, millis, Long::sum));
    }
  }

  void countHit() {
    hits.incrementAndGet();
  }

  void countJoined() {
    joined.incrementAndGet();
  }

  void countFailed() {
    failed.incrementAndGet();
  }

  void countCancelled() {
    cancelled.incrementAndGet();
  }

  void countRefused() {
    refused.incrementAndGet();
  }

  void countHandedBack() {
    handedBack.incrementAndGet();
  }

  void countUnheard() {
    unheard.incrementAndGet();
  }

  void drain() {
    draining = true;
  }

  Snapshot snapshot() {
    Map<String, Long> phases;
    synchronized (phaseMillis) {
      phases = Map.copyOf(phaseMillis);
    }
    return new Snapshot(
        capacity,
        running.get(),
        waiting.get(),
        requests.get(),
        built.get(),
        hits.get(),
        joined.get(),
        failed.get(),
        cancelled.get(),
        refused.get(),
        handedBack.get(),
        unheard.get(),
        bytes.get(),
        new TreeMap<>(phases),
        cacheUse(),
        isolation,
        draining);
  }

  /** Absent where the directory cannot be read; the figures of the builds are there anyway. */
  private @Nullable CacheUse cacheUse() {
    try {
      return cache.read();
    } catch (IOException e) {
      LOG.warn("the cache has no figures: {}", e.toString());
      return null;
    }
  }

  /**
   * The figures of one moment.
   *
   * @param capacity builds at once
   * @param running builds now
   * @param waiting requests that wait here for a build of another
   * @param requests requests received
   * @param built images built and stored
   * @param hits requests answered by an image that was there
   * @param joined requests answered by a build that another had asked for
   * @param failed builds that ended in an error
   * @param cancelled builds stopped on request
   * @param refused requests that were never queued
   * @param handedBack jobs given to another worker
   * @param unheard answers that nobody waited for any more
   * @param bytes bytes of images stored
   * @param phaseMillis milliseconds by phase, of all that was built
   * @param cache of the worker's machine; null where it cannot be read
   * @param scripts what requests' scripts run in: {@code userns}, {@code userns-root}, {@code
   *     chroot}, or {@code none}
   * @param draining whether the worker is stopping
   */
  record Snapshot(
      int capacity,
      int running,
      int waiting,
      long requests,
      long built,
      long hits,
      long joined,
      long failed,
      long cancelled,
      long refused,
      long handedBack,
      long unheard,
      long bytes,
      Map<String, Long> phaseMillis,
      @Nullable CacheUse cache,
      String scripts,
      boolean draining) {}
}
