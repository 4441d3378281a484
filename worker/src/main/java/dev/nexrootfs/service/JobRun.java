package dev.nexrootfs.service;

import dev.nexrootfs.build.BuildResult;
import dev.nexrootfs.build.Failures;
import dev.nexrootfs.build.Phase;
import dev.nexrootfs.build.Progress;
import dev.nexrootfs.build.RootfsBuild;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.store.Leases;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One job in the hands of this worker, from its delivery until its {@link JobEnd}. */
final class JobRun implements Progress {
  /** Workers that may stop in the middle of one job. */
  static final int MAX_TRIES = 3;

  private static final Logger LOG = LoggerFactory.getLogger(JobRun.class);
  private static final Duration RETRY = Duration.ofSeconds(2);
  private static final Duration LAST_RETRY = Duration.ofSeconds(30);
  private static final Duration NO_PLACE = Duration.ofSeconds(15);

  /** As long as an election takes on a busy machine; only then it counts as a try. */
  private static final Duration TRY_ON = Duration.ofSeconds(30);

  private static final Duration TRY_ON_PAUSE = Duration.ofSeconds(2);
  private static final Duration LONGEST_OUTAGE = Duration.ofSeconds(60);
  private static final Duration OUTAGE_PAUSE = Duration.ofMillis(500);

  /** What another try, or another worker, may not meet again. */
  private static final Set<ErrorCode> PASSING =
      EnumSet.of(
          ErrorCode.STORE_FAILED,
          ErrorCode.NO_JETSTREAM,
          ErrorCode.CACHE_FULL,
          ErrorCode.WORKER_IO);

  /** Why a build stops before its end. */
  enum Stop {
    /** Somebody asked for it. */
    CANCELLED,
    /** It took too long. */
    TIMED_OUT,
    /** Another worker is to do it. */
    HANDED_BACK,
    /** Too many wait here already for what others build. */
    PUT_OFF
  }

  private final Pool pool;
  private final RootfsBuild build;
  private final BucketSink bucket;
  private final Leases leases;
  private final JobIntake.Delivery delivery;
  private final Job job;
  private final Runnable freeSlot;
  private final Semaphore places;
  private final AtomicBoolean slotFreed = new AtomicBoolean();
  private final Instant limit;
  private volatile @Nullable Stop stop;
  private volatile boolean detached;
  private boolean hasPlace;
  private boolean ends;
  private volatile @Nullable JobAccount account;

  /**
   * A job that waits for nothing but to be run.
   *
   * @param freeSlot called once, at the latest when it ends
   * @param places for those that have no slot, as they wait for what others build
   */
  JobRun(
      Pool pool,
      RootfsBuild build,
      BucketSink bucket,
      Leases leases,
      JobIntake.Delivery delivery,
      Runnable freeSlot,
      Semaphore places) {
    this.pool = pool;
    this.build = build;
    this.bucket = bucket;
    this.leases = leases;
    this.delivery = delivery;
    this.job = delivery.job();
    this.freeSlot = freeSlot;
    this.places = places;
    Instant most = Instant.now().plus(pool.settings().longestBuild());
    this.limit = job.deadline().filter(most::isAfter).orElse(most);
  }

  JobIntake.Delivery delivery() {
    return delivery;
  }

  /** Stops the build at the next step; the first reason counts. */
  synchronized void stop(Stop why) {
    boolean isCancelledAlready = detached && why == Stop.CANCELLED;
    if (stop == null && !isCancelledAlready) {
      stop = why;
    }
  }

  /** Stops the build for the reason that a cancel record gives. */
  void stopFor(String code) {
    stop(code.equals(ErrorCode.TIMED_OUT.name()) ? Stop.TIMED_OUT : Stop.CANCELLED);
  }

  /** The heartbeat: the server and whoever follows hear that the job is in good hands. */
  void extend() {
    pool.intake().extend(delivery);
    JobAccount open = account;
    if (open != null) {
      open.stillThere();
    }
  }

  /** Does the job, or finds out that it is done. */
  void run() {
    pool.figures().begin();
    try {
      if (begin()) {
        build();
      }
    } catch (RequestException e) {
      if (e.code() != ErrorCode.BUCKET_FULL || !end().failedUnrecorded(e, detached)) {
        // Nothing can be noted; the job comes back when that has passed.
        LOG.warn("build {} is put off: {} {}", job.id(), e.code(), e.line());
        pool.intake().handBack(delivery, RETRY);
      }
    } catch (RuntimeException | Error e) {
      JobAccount open = account;
      if (open != null && open.tries() > MAX_TRIES) {
        LOG.error("build {} is given up after a fault, and nobody is told", job.id(), e);
        pool.intake().done(delivery);
      } else {
        LOG.error("build {} is left to another worker after a fault", job.id(), e);
        pool.intake().handBack(delivery, RETRY);
      }
      if (e instanceof VirtualMachineError fatal) {
        throw fatal;
      }
    } finally {
      pool.figures().end();
      releaseSlot();
      if (hasPlace) {
        places.release();
      }
    }
  }

  private void releaseSlot() {
    if (slotFreed.compareAndSet(false, true)) {
      freeSlot.run();
    }
  }

  private boolean begin() throws RequestException {
    Optional<BuildStatus> before = outage().sitOut(() -> pool.records().status(job.id()));
    if (before.isPresent() && before.get().state().isLast()) {
      pool.intake().done(delivery);
      return false;
    }
    JobAccount mine = new JobAccount(pool, job, before.map(BuildStatus::tries).orElse(0) + 1);
    account = mine;
    if (mine.tries() > MAX_TRIES) {
      fail(
          new RequestException(
              ErrorCode.WORKER_LOST,
              MAX_TRIES
                  + " workers stopped while they built this, the last one "
                  + before.map(BuildStatus::worker).orElse("unknown")
                  + "; its log may say why"));
      return false;
    }
    if (job.isLate()) {
      fail(timedOut());
      return false;
    }
    outage().sitOut(mine::begun);
    LOG.info("build {} of {} begins, try {}", job.id(), job.request().image(), mine.tries());
    outage()
        .sitOut(() -> pool.records().text(BuildRecords.cancelKey(job.id())))
        .ifPresent(this::stopFor);
    mine.events().started();
    return true;
  }

  private void build() throws RequestException {
    try (JobSink sink = new JobSink(bucket, leases, this)) {
      Outage outage = new Outage(pool.settings().worker(), TRY_ON, TRY_ON_PAUSE, this::isToStop);
      BuildResult result = outage.sitOut(() -> buildOnce(sink));
      end().completed(result, detached);
    } catch (CancellationException e) {
      stopped(e);
    } catch (RequestException e) {
      if (PASSING.contains(e.code()) && account().tries() < MAX_TRIES) {
        LOG.warn("build {} is handed back: {} {}", job.id(), e.code(), e.line());
        int counted = stop == Stop.HANDED_BACK ? account().tries() - 1 : account().tries();
        end().handedBack(counted, retryAfter(e.code()));
      } else {
        fail(e);
      }
    } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
      LOG.error("build {} of {} hit a fault", job.id(), job.request().image(), e);
      fail(
          new RequestException(
              ErrorCode.INTERNAL,
              "a fault of the worker; its log has the details of build " + job.id(),
              e));
    }
  }

  private BuildResult buildOnce(JobSink sink) throws RequestException {
    try {
      return build.run(job.id(), job.request(), sink, this);
    } catch (RequestException e) {
      if (e.code() == ErrorCode.STORE_FAILED) {
        LOG.warn("build {}, try {}: {} {}", job.id(), account().tries(), e.code(), e.line());
      }
      throw e;
    }
  }

  /** The last try comes after as long as a cluster may be without a leader. */
  private Duration retryAfter(ErrorCode code) {
    boolean away = code == ErrorCode.STORE_FAILED || code == ErrorCode.NO_JETSTREAM;
    return away && account().tries() + 1 == MAX_TRIES ? LAST_RETRY : RETRY;
  }

  private void stopped(CancellationException e) throws RequestException {
    Stop why = stop;
    if (why == Stop.CANCELLED) {
      fail(cancelled());
    } else if (why == Stop.TIMED_OUT) {
      fail(timedOut());
    } else if (why == Stop.HANDED_BACK) {
      // Not a try: nothing was wrong with it.
      end().handedBack(account().tries() - 1, Duration.ZERO);
    } else if (why == Stop.PUT_OFF) {
      end().handedBack(account().tries() - 1, NO_PLACE);
    } else {
      throw e;
    }
  }

  /** Records that cannot be reached for a while cost no try: this worker has not stopped. */
  private Outage outage() {
    return new Outage(pool.settings().worker(), LONGEST_OUTAGE, OUTAGE_PAUSE, this::isToStop);
  }

  private boolean isToStop() {
    Stop why = stop;
    return (why != null && why != Stop.PUT_OFF) || Instant.now().isAfter(limit);
  }

  @Override
  public void report(Phase phase, int percent, String message) {
    checkStop();
    account().progress(phase, percent, message, !detached);
  }

  private void fail(RequestException failure) throws RequestException {
    end().failed(failure, detached);
  }

  private JobEnd end() {
    return new JobEnd(pool, delivery, account(), this::outage);
  }

  @Override
  public void check() {
    checkStop();
  }

  private JobAccount account() {
    JobAccount mine = account;
    if (mine == null) {
      throw new IllegalStateException("build " + job.id() + " has not begun");
    }
    return mine;
  }

  private void checkStop() {
    if (Instant.now().isAfter(limit)) {
      stop(Stop.TIMED_OUT);
    }
    Stop why = stop;
    if (why == Stop.CANCELLED) {
      cancel();
    } else if (why != null) {
      throw new CancellationException(why.toString());
    }
  }

  /** Of the threads that ask, the first decides for all. */
  private synchronized void cancel() {
    if (stop != Stop.CANCELLED) {
      return;
    }
    if (!ends && pool.queue().hasWaiting(job)) {
      detach();
    } else {
      ends = true;
      throw new CancellationException(Stop.CANCELLED.toString());
    }
  }

  /** Only its own requester wants it no more: the build goes on for the others. */
  private synchronized void detach() {
    if (detached) {
      return;
    }
    detached = true;
    stop = null; // what goes on for others can still be late, or handed back
    RequestException cancelled = cancelled();
    if (!pool.replies().failure(job, cancelled)) {
      LOG.warn("build {}: its requester does not hear that it was cancelled", job.id());
    }
    account().events().failed(cancelled);
    pool.figures().countCancelled();
    account().goesOn("cancelled; built for others who wait");
  }

  static RequestException cancelled() {
    return new RequestException(ErrorCode.CANCELLED, "the build was cancelled on request");
  }

  private RequestException timedOut() {
    String which =
        job.deadline().isPresent()
            ? "the request's timeoutSeconds"
            : "the pool's limit of " + pool.settings().longestBuild().toSeconds() + " s";
    return new RequestException(ErrorCode.TIMED_OUT, "the build did not end within " + which);
  }

  /** From here on the build can be asked for by its key; the object's name ends with it. */
  void noteKey(String object) throws RequestException {
    String hex = object.substring(object.indexOf('_') + 1);
    outage().sitOut(() -> pool.records().putText(BuildRecords.keyKey(hex), job.id()));
  }

  /** Whoever makes room in the bucket is to leave {@code object} there. */
  void noteUsed(String object) {
    pool.records().note(BuildRecords.usedKey(object), job.id());
  }

  /** Another job builds the same: this one needs no slot meanwhile. */
  void waitForOther(long millis) throws RequestException {
    hasPlace = hasPlace || places.tryAcquire();
    if (!hasPlace && !detached) { // whose requester would be told once more by the next worker
      stop(Stop.PUT_OFF);
    }
    releaseSlot();
    checkStop();
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RequestException(ErrorCode.DRAINING, Failures.message(e), e);
    }
  }

  /** Leaves the job to a worker with a free slot. */
  void handBack() {
    stop(Stop.HANDED_BACK);
    checkStop();
  }
}
