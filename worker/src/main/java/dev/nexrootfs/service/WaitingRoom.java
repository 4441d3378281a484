package dev.nexrootfs.service;

import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildState;
import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.RequestException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Requesters whose build is made on behalf of another who asked for the same. They take no slot;
 * each gets its answer when that build ends, and becomes a job of its own where it does not.
 */
final class WaitingRoom {
  private static final Logger LOG = LoggerFactory.getLogger(WaitingRoom.class);

  /** More are left to other workers. */
  private static final int CAPACITY = 4096;

  /** A deadline is first of all for the worker that took the request. */
  private static final Duration OTHERS_TURN = Duration.ofSeconds(10);

  private static final Duration LAST_ANSWERS = Duration.ofSeconds(5);

  private final Pool pool;
  private final Map<String, Guest> guests = new ConcurrentHashMap<>();
  private final Set<Build> due = ConcurrentHashMap.newKeySet();
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(task -> new Thread(task, "waiting"));

  WaitingRoom(Pool pool) {
    this.pool = pool;
  }

  /** What is waited for. */
  private record Build(String namespace, String fingerprint) {}

  /**
   * Who waits.
   *
   * @param leader the id of the build that is made
   */
  private record Guest(JobIntake.Delivery delivery, BuildEvents events, String leader) {
    Job job() {
      return delivery.job();
    }

    Build build() {
      return new Build(job().namespace(), job().fingerprint());
    }
  }

  /** Begins to hear of builds that end. */
  void open() {
    pool.records().onChange(this::changed);
  }

  boolean hasRoom() {
    return guests.size() < CAPACITY;
  }

  void park(JobIntake.Delivery delivery) {
    Job job = delivery.job();
    Guest guest = new Guest(delivery, new BuildEvents(pool, job, 1), leaderOf(job));
    if (guests.put(job.id(), guest) == null) {
      pool.figures().park();
    }
    settleSoon(guest.build());
  }

  private String leaderOf(Job job) {
    try {
      return pool.queue().findBuild(job).map(JobQueue.Head::id).orElse("");
    } catch (RequestException e) {
      LOG.debug("request {}: its build is not known yet: {}", job.id(), e.line());
      return "";
    }
  }

  private void changed(String key, byte[] value) {
    if (guests.isEmpty()) {
      return;
    }
    if (key.startsWith("job.")) {
      ended(value);
    } else if (key.startsWith("progress.")) {
      String id = key.substring("progress.".length());
      if (guests.values().stream().anyMatch(guest -> guest.leader().equals(id))) {
        forward(id, value);
      }
    } else if (key.startsWith("build.")) {
      Guest guest = guests.get(key.substring("build.".length()));
      if (guest != null) {
        answeredElsewhere(guest, value);
      }
    }
  }

  /** Whoever writes its last record has answered it, or is about to. */
  private void answeredElsewhere(Guest guest, byte[] value) {
    try {
      if (Protocol.read(value, BuildStatus.class).state().isLast()) {
        leave(guest);
      }
    } catch (IOException e) {
      LOG.debug("not a status: {}", e.getMessage());
    }
  }

  /** The end of a build, as its builder has just written it. */
  private void ended(byte[] value) {
    try {
      BuildStatus status = Protocol.read(value, BuildStatus.class);
      Build build = new Build(status.namespace(), status.fingerprint());
      List<Guest> here = of(build);
      thread.execute(guarded(() -> answerAll(here, status)));
    } catch (RejectedExecutionException e) {
      LOG.debug("those who wait are left to other workers: {}", e.getMessage());
    } catch (IOException e) {
      LOG.debug("not a status: {}", e.getMessage());
    }
  }

  private void answerAll(List<Guest> here, BuildStatus ended) {
    BuildReply result = ended.reply();
    List<Guest> open = here.stream().filter(guest -> guests.containsKey(guest.job().id())).toList();
    if (result != null && pool.replies().results(open.stream().map(Guest::job).toList(), result)) {
      for (Guest guest : open) {
        joined(guest, ended, result.withId(guest.job().id()));
      }
    } else {
      open.forEach(guest -> answer(guest, ended));
    }
  }

  /** The requester has its answer. */
  private void joined(Guest guest, BuildStatus ended, BuildReply reply) {
    pool.figures().countJoined();
    guest.events().completed(reply);
    end(guest, ended.state(), reply, null, "joined build " + ended.id());
  }

  private void forward(String leader, byte[] value) {
    try {
      BuildStatus status = Protocol.read(value, BuildStatus.class);
      for (Guest guest : guests.values()) {
        if (guest.leader().equals(leader) && guest.job().isStreamed() && !status.state().isLast()) {
          guest
              .events()
              .stillThere(status.phase() + ", " + status.percent() + " %: " + status.message());
        }
      }
    } catch (IOException e) {
      LOG.debug("not a status: {}", e.getMessage());
    }
  }

  private List<Guest> of(Build build) {
    return guests.values().stream().filter(guest -> guest.build().equals(build)).toList();
  }

  private void settleSoon(Build build) {
    if (due.add(build)) {
      try {
        thread.execute(
            guarded(
                () -> {
                  due.remove(build);
                  settle(build);
                }));
      } catch (RejectedExecutionException e) {
        LOG.debug("those who wait are left to other workers: {}", e.getMessage());
      }
    }
  }

  /** What hits a fault is done again by the next look around. */
  private static Runnable guarded(Runnable task) {
    return () -> {
      try {
        task.run();
      } catch (RuntimeException e) {
        LOG.error("some who wait are looked after later", e);
      }
    };
  }

  /** Looks after everyone; what was missed is found. */
  void lookAround() {
    guests.values().stream().map(Guest::build).distinct().forEach(this::settleSoon);
  }

  /** The heartbeat. */
  void extendAll() {
    for (Guest guest : guests.values()) {
      pool.intake().extend(guest.delivery());
      guest.events().stillThere("waits for the same build of another");
    }
  }

  private void settle(Build build) {
    try {
      List<Guest> open = answered(of(build));
      if (!open.isEmpty()
          && pool.queue().findBuild(build.namespace(), build.fingerprint()).isEmpty()) {
        // It may have ended between the two looks.
        for (Guest guest : answered(open)) {
          becomeJob(guest);
        }
      }
    } catch (RequestException e) {
      LOG.debug("those who wait for {} are looked after later: {}", build.fingerprint(), e.line());
    }
  }

  /** Answers whom it can; returns the others. */
  private List<Guest> answered(List<Guest> all) throws RequestException {
    List<Guest> open = new ArrayList<>();
    Optional<BuildRecords.Entry> ended = Optional.empty();
    if (!all.isEmpty()) {
      Build build = all.get(0).build();
      ended = pool.records().ended(build.namespace(), build.fingerprint());
    }
    for (Guest guest : all) {
      if (isGone(guest)) {
        // Where its acknowledgement was lost it would come again and again, and count as waiting.
        pool.intake().done(guest.delivery());
        leave(guest);
      } else if (guest.job().isLateBy(OTHERS_TURN)) {
        fail(guest, timedOut());
      } else if (ended.isPresent() && !ended.get().at().isBefore(guest.delivery().queuedAt())) {
        answer(guest, ended.get().status());
      } else {
        open.add(guest);
      }
    }
    return open;
  }

  /** Whether somebody else has answered: a cancel, or a worker that was thought dead. */
  private boolean isGone(Guest guest) throws RequestException {
    return pool.records().status(guest.job().id()).map(s -> s.state().isLast()).orElse(false);
  }

  private static RequestException timedOut() {
    return new RequestException(
        ErrorCode.TIMED_OUT, "the build did not end within the request's timeoutSeconds");
  }

  private void answer(Guest guest, BuildStatus ended) {
    if (!guests.containsKey(guest.job().id())) {
      return;
    }
    BuildReply result = ended.reply();
    ErrorBody.Detail error = ended.error();
    if (result != null) {
      BuildReply reply = result.withId(guest.job().id());
      if (pool.replies().result(guest.job(), reply)) {
        joined(guest, ended, reply);
      } else {
        leave(guest);
        pool.intake().handBack(guest.delivery(), Duration.ZERO);
      }
    } else if (error != null) {
      fail(guest, RequestException.of(error));
    }
  }

  private void fail(Guest guest, RequestException failure) {
    if (pool.replies().failure(guest.job(), failure)) {
      pool.figures().countFailed();
      guest.events().failed(failure);
      ErrorBody.Detail detail = ErrorBody.of(failure, guest.job().id()).error();
      end(guest, BuildState.FAILED, null, detail, failure.line());
    } else {
      leave(guest);
      pool.intake().handBack(guest.delivery(), Duration.ZERO);
    }
  }

  private void end(
      Guest guest,
      BuildState state,
      @Nullable BuildReply reply,
      ErrorBody.@Nullable Detail error,
      String message) {
    Job job = guest.job();
    pool.records()
        .note(
            BuildRecords.buildKey(job.id()),
            job.status(
                state,
                "done",
                reply == null ? 0 : 100,
                message,
                pool.settings().worker(),
                0,
                reply,
                error));
    pool.intake().done(guest.delivery());
    leave(guest);
    LOG.info("build {} for {}: {}", job.id(), job.namespace(), message);
  }

  /** Nobody builds what this one waits for any more: it is built for this one. */
  private void becomeJob(Guest guest) throws RequestException {
    if (pool.queue().offer(guest.job()) == JobQueue.Admission.QUEUED) {
      LOG.info("build {}: what it waited for has gone; it is built for itself", guest.job().id());
      pool.intake().done(guest.delivery());
      leave(guest);
    }
  }

  private void leave(Guest guest) {
    if (guests.remove(guest.job().id()) != null) {
      pool.figures().leave();
    }
  }

  /** Leaves everyone who is not being answered to other workers. */
  void close() throws InterruptedException {
    thread.shutdown();
    if (!thread.awaitTermination(LAST_ANSWERS.toMillis(), TimeUnit.MILLISECONDS)) {
      LOG.warn("some who wait may be answered twice: this worker is not done with its answers");
    }
    for (Guest guest : guests.values()) {
      pool.intake().handBack(guest.delivery(), Duration.ZERO);
      leave(guest);
    }
  }
}
