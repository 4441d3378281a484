package dev.nexrootfs.service;

import dev.nexrootfs.build.RootfsBuild;
import dev.nexrootfs.store.Leases;
import dev.nexrootfs.store.StoreException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * The slots of a worker: it takes a job from the queue when a slot is free and not before, so that
 * a job never waits behind a slow one while another worker is idle.
 */
final class BuildSlots {
  private static final Logger LOG = LoggerFactory.getLogger(BuildSlots.class);
  private static final Duration LOOK = Duration.ofSeconds(2);

  /** Jobs that wait for what others build have a thread and their inputs each, but no slot. */
  private static final int WAITING_FOR_OTHERS = 32;

  private static final Duration NO_LEASES = Duration.ofSeconds(5);

  /** Time for builds that are stopped to clean up and say so. */
  private static final Duration HAND_BACK = Duration.ofSeconds(20);

  private final Pool pool;
  private final RootfsBuild build;
  private final BucketSink bucket;
  private final LeaseSource leases;
  private final WaitingRoom waiting;
  private final Semaphore free;
  private final Semaphore places = new Semaphore(WAITING_FOR_OTHERS);
  private final Map<String, JobRun> runs = new ConcurrentHashMap<>();
  private final ExecutorService threads;
  private final Thread taker = new Thread(this::take, "job-taker");
  private volatile boolean stopping;

  /** Gives the pool's leases, where their bucket is there. */
  @FunctionalInterface
  interface LeaseSource {
    /** The leases. */
    Leases open() throws StoreException;
  }

  BuildSlots(
      Pool pool, RootfsBuild build, BucketSink bucket, LeaseSource leases, WaitingRoom waiting) {
    this.pool = pool;
    this.build = build;
    this.bucket = bucket;
    this.leases = leases;
    this.waiting = waiting;
    this.free = new Semaphore(pool.settings().slots());
    AtomicInteger number = new AtomicInteger();
    this.threads =
        Executors.newCachedThreadPool(
            task -> new Thread(task, "build-" + number.incrementAndGet()));
  }

  void start() {
    pool.records().onChange(this::changed);
    taker.start();
  }

  private void changed(String key, byte[] value) {
    if (key.startsWith("cancel.")) {
      JobRun run = runs.get(key.substring("cancel.".length()));
      if (run != null) {
        run.stopFor(new String(value, StandardCharsets.UTF_8));
      }
    }
  }

  private void take() {
    try {
      pool.intake().begin();
      while (!stopping) {
        if (!takeOne()) {
          pool.intake().awaitNews(LOOK);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean takeOne() throws InterruptedException {
    try {
      boolean parked = takeWaiting();
      return takeJob() || parked;
    } catch (RuntimeException e) {
      // Whatever it was, the worker goes on to take jobs.
      LOG.error("no job could be taken", e);
      return false;
    }
  }

  private boolean takeWaiting() {
    Optional<JobIntake.Delivery> guest =
        waiting.hasRoom() ? pool.intake().nextWaiting() : Optional.empty();
    guest.ifPresent(waiting::park);
    return guest.isPresent();
  }

  private boolean takeJob() throws InterruptedException {
    if (!free.tryAcquire()) {
      return false;
    }
    boolean started = false;
    try {
      Optional<JobIntake.Delivery> delivery = pool.intake().next(() -> stopping);
      started = delivery.isPresent() && begin(delivery.get());
      return delivery.isPresent();
    } finally {
      if (!started) {
        free.release();
      }
    }
  }

  private boolean begin(JobIntake.Delivery delivery) throws InterruptedException {
    try {
      return start(delivery, leases.open());
    } catch (StoreException e) {
      LOG.error("no build without leases: {}", e.getMessage());
      pool.intake().handBack(delivery, NO_LEASES);
      Thread.sleep(NO_LEASES.toMillis());
      return false;
    }
  }

  /** Whether the delivery has the slot now. */
  private boolean start(JobIntake.Delivery delivery, Leases held) {
    String id = delivery.job().id();
    JobRun run = new JobRun(pool, build, bucket, held, delivery, this::slotIsFree, places);
    if (runs.putIfAbsent(id, run) != null) {
      // The queue thought this worker dead while it was cut off; it is at it still.
      LOG.info("build {} has come once more; it is being built here", id);
      return false;
    }
    threads.execute(() -> run(id, run));
    return true;
  }

  @SuppressWarnings("try") // the id is for the log, not used
  private void run(String id, JobRun run) {
    try (MDC.MDCCloseable logged = MDC.putCloseable("build", id)) {
      run.run();
    } finally {
      runs.remove(id);
      pool.intake().wake();
    }
  }

  private void slotIsFree() {
    free.release();
    pool.intake().wake();
  }

  /** The heartbeat of every job that is here. */
  void extendAll() {
    runs.values().forEach(JobRun::extend);
  }

  /**
   * Takes nothing more, lets builds end for {@code grace}, and hands the others back.
   *
   * @return whether every job is answered or handed back
   */
  boolean drain(Duration grace) throws InterruptedException {
    stopping = true;
    pool.intake().wake();
    taker.join();
    threads.shutdown();
    if (threads.awaitTermination(grace.toMillis(), TimeUnit.MILLISECONDS)) {
      return true;
    }
    LOG.info("{} builds are handed to other workers after {}", runs.size(), grace);
    runs.values().forEach(run -> run.stop(JobRun.Stop.HANDED_BACK));
    return threads.awaitTermination(HAND_BACK.toMillis(), TimeUnit.MILLISECONDS);
  }
}
