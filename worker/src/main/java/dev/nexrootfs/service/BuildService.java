package dev.nexrootfs.service;

import dev.nexrootfs.build.RootfsBuild;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.store.BucketSweep;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.Glance;
import dev.nexrootfs.store.Leases;
import dev.nexrootfs.store.StoreException;
import io.nats.client.Connection;
import io.nats.client.support.JsonParseException;
import io.nats.client.support.JsonParser;
import io.nats.client.support.JsonValue;
import io.nats.service.Service;
import io.nats.service.ServiceBuilder;
import io.nats.service.ServiceEndpoint;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The micro service {@code nex-rootfs} of one worker (ADR-32), with two connections: the front
 * talks to requesters, the store to JetStream. So a forged reply subject reaches nothing but
 * inboxes.
 */
public final class BuildService {
  private static final Logger LOG = LoggerFactory.getLogger(BuildService.class);

  /** A third of the time after which a job goes to another worker. */
  private static final long HEARTBEAT_MILLIS = JobQueue.ACK_WAIT.toMillis() / 3;

  private static final long LOOK_AROUND_MILLIS = 2000;
  private static final long SWEEP_MILLIS = TimeUnit.MINUTES.toMillis(20);

  /** A round may be about to answer somebody whom it has taken out of the queue. */
  private static final Duration LAST_ROUND = Duration.ofSeconds(5);

  private static final Duration GLANCE = Duration.ofSeconds(1);

  private final Connection front;
  private final Connection store;
  private final ServiceSettings settings;
  private final Pool pool;
  private final Front endpoints;
  private final Hits hits;
  private final WaitingRoom waiting;
  private final BuildSlots slots;
  private final QueuedRequests queued;
  private final StatusEndpoint status;
  private final Service service;
  private final ScheduledExecutorService heartbeat =
      Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "heartbeat"));

  /** What asks JetStream, and can take long: no heartbeat waits for it. */
  private final ScheduledExecutorService rounds =
      Executors.newScheduledThreadPool(2, task -> new Thread(task, "rounds"));

  private final ScheduledExecutorService renewals =
      Executors.newSingleThreadScheduledExecutor(task -> new Thread(task, "build-leases"));
  private volatile @Nullable Leases leases;
  private volatile @Nullable Monitor monitor;

  /** A service that is not started yet. */
  public BuildService(
      Connection front, Connection store, ServiceSettings settings, RootfsBuild build) {
    this.front = front;
    this.store = store;
    this.settings = settings;
    Figures figures = new Figures(settings.slots(), build.isolation(), build::cacheUse);
    Replies replies = new Replies(front, settings, figures);
    JobQueue queue = new JobQueue(store, settings.pool(), settings.subjects().jobs());
    JobIntake intake = new JobIntake(store, settings.pool(), settings.subjects().jobs(), replies);
    BuildRecords records = new BuildRecords(store, settings.pool().records());
    this.pool = new Pool(front, settings, queue, intake, records, replies, figures);
    BucketSink bucket = new BucketSink(new Buckets(store), settings.bucket());
    this.hits = new Hits(records, build, bucket, new Glance(store, GLANCE), settings.worker());
    this.waiting = new WaitingRoom(pool);
    this.slots = new BuildSlots(pool, build, bucket, this::leases, waiting);
    Cancellation cancellation = new Cancellation(pool);
    this.queued = new QueuedRequests(pool, cancellation);
    this.status = new StatusEndpoint(pool, cancellation);
    this.endpoints = new Front(front, settings, replies, figures);
    BuildEndpoint requests = new BuildEndpoint(pool, build, hits, queued);
    this.service =
        new ServiceBuilder()
            .connection(front)
            .name(Subjects.SERVICE)
            .version(settings.version())
            .description("Builds ext4 root file systems for Nex from OCI images")
            .addServiceEndpoint(endpoint("build", settings.subjects().build(), "", requests))
            .addServiceEndpoint(endpoint("build-as", settings.subjects().build(), ".*", requests))
            .addServiceEndpoint(
                endpoint("status", settings.subjects().status(), "", status::status))
            .addServiceEndpoint(
                endpoint("status-as", settings.subjects().status(), ".*", status::status))
            .addServiceEndpoint(
                endpoint("cancel", settings.subjects().cancel(), "", status::cancel))
            .addServiceEndpoint(
                endpoint("cancel-as", settings.subjects().cancel(), ".*", status::cancel))
            .build();
  }

  private ServiceEndpoint endpoint(
      String name, String subject, String namespaces, Front.Handler handler) {
    return ServiceEndpoint.builder()
        .endpointName(name)
        .endpointSubject(subject + namespaces)
        .endpointQueueGroup(Subjects.SERVICE)
        .dispatcher(endpoints.dispatcher())
        .handler(message -> endpoints.onMessage(message, subject, handler))
        .statsDataSupplier(this::stats)
        .build();
  }

  private synchronized Leases leases() throws StoreException {
    Leases open = leases;
    if (open == null) {
      open = new Leases(store, settings.pool().leases(), settings.worker(), renewals);
      leases = open;
    }
    return open;
  }

  /**
   * Answers over HTTP at {@code address}: health, readiness and metrics.
   *
   * @return the port
   */
  public int monitor(InetSocketAddress address) throws IOException {
    Monitor open = new Monitor(address, pool.figures(), front, store, pool.intake()::trouble);
    monitor = open;
    return open.port();
  }

  /** Joins the queue group and begins to take jobs; returns when the server knows. */
  public void start() throws InterruptedException {
    pool.intake().listen();
    pool.records().listen();
    waiting.open();
    status.open();
    slots.start();
    every(HEARTBEAT_MILLIS, heartbeat, slots::extendAll);
    every(HEARTBEAT_MILLIS, heartbeat, waiting::extendAll);
    every(LOOK_AROUND_MILLIS, rounds, this::lookAround);
    every(SWEEP_MILLIS, rounds, this::sweep);
    var unused = service.startService();
    flush();
    LOG.info(
        "worker {} serves {} with {} slots, bucket {}",
        settings.worker(),
        settings.subjects().build(),
        settings.slots(),
        settings.bucket());
  }

  /** What dead workers' uploads have left; one worker of the pool is enough. */
  private void sweep() {
    try (Leases.Lease lease = leases().tryAcquire("sweep").orElse(null)) {
      if (lease != null) {
        BucketSweep sweep = new BucketSweep(store, settings.bucket());
        for (BucketSweep.Candidate orphan :
            sweep.find(BucketSweep.Policy.ORPHANS, object -> true).candidates()) {
          var unused = sweep.delete(orphan, object -> true);
        }
      }
    } catch (StoreException e) {
      LOG.info("uploads that were cut off are swept later: {}", e.getMessage());
    }
  }

  private void lookAround() {
    waiting.lookAround();
    queued.lookAround();
    status.lookAround();
    pool.records().catchUp();
  }

  /** A fault of one round does not end the rounds. */
  private static void every(long millis, ScheduledExecutorService clock, Runnable round) {
    Runnable guarded =
        () -> {
          try {
            round.run();
          } catch (RuntimeException e) {
            LOG.error("a round failed", e);
          }
        };
    var unused = clock.scheduleWithFixedDelay(guarded, millis, millis, TimeUnit.MILLISECONDS);
  }

  /**
   * Leaves the queue group, lets builds end for the grace time, and hands the others to other
   * workers; the connections stay open.
   *
   * @return whether every job is answered or handed back
   */
  public boolean stop() throws InterruptedException {
    pool.figures().drain();
    endpoints.close();
    boolean clean = slots.drain(settings.grace());
    if (!clean) {
      LOG.error("builds do not stop; other workers take them in {}", JobQueue.ACK_WAIT);
    }
    heartbeat.shutdownNow();
    rounds.shutdown();
    if (!rounds.awaitTermination(LAST_ROUND.toMillis(), TimeUnit.MILLISECONDS)) {
      rounds.shutdownNow();
    }
    waiting.close();
    status.close();
    renewals.shutdownNow();
    hits.close();
    pool.replies().close();
    if (front.getStatus() != Connection.Status.CLOSED) {
      service.stop();
    }
    flush();
    Monitor open = monitor;
    if (open != null) {
      open.close();
    }
    return clean;
  }

  private void flush() throws InterruptedException {
    for (Connection connection : new Connection[] {front, store}) {
      if (connection.getStatus() == Connection.Status.CONNECTED) {
        try {
          connection.flush(Duration.ofSeconds(5));
        } catch (TimeoutException e) {
          LOG.warn("the NATS server does not answer a flush: {}", e.getMessage());
        }
      }
    }
  }

  private JsonValue stats() {
    try {
      byte[] json = Protocol.write(pool.figures().snapshot());
      return JsonParser.parse(new String(json, StandardCharsets.UTF_8));
    } catch (JsonParseException e) {
      throw new IllegalStateException("our own JSON does not parse", e);
    }
  }
}
