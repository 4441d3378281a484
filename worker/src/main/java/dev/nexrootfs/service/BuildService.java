package dev.nexrootfs.service;

import dev.nexrootfs.build.RootfsBuild;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.store.Buckets;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.support.JsonParseException;
import io.nats.client.support.JsonParser;
import io.nats.client.support.JsonValue;
import io.nats.service.Service;
import io.nats.service.ServiceBuilder;
import io.nats.service.ServiceEndpoint;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The micro service {@code nex-rootfs} of one worker (ADR-32), with two connections: the front
 * talks to requesters, the store to JetStream. So a forged reply subject reaches nothing but
 * inboxes.
 */
public final class BuildService {
  private static final Logger LOG = LoggerFactory.getLogger(BuildService.class);

  private static final Duration DRAIN = Duration.ofSeconds(5);

  private final Connection front;
  private final ServiceSettings settings;
  private final BuildSlots slots;
  private final BuildEndpoint endpoint;
  private final Service service;
  private final Dispatcher dispatcher;

  /** A service that is not started yet. */
  public BuildService(
      Connection front, Connection store, ServiceSettings settings, RootfsBuild build) {
    this.front = front;
    this.settings = settings;
    this.slots = new BuildSlots(settings.slots(), settings.queue());
    BucketSink sink = new BucketSink(new Buckets(store), settings.bucket());
    this.endpoint = new BuildEndpoint(front, settings, build, sink, slots);
    this.dispatcher = front.createDispatcher();
    this.service =
        new ServiceBuilder()
            .connection(front)
            .name(Subjects.SERVICE)
            .version(settings.version())
            .description("Builds ext4 root file systems for Nex from OCI images")
            .addServiceEndpoint(
                ServiceEndpoint.builder()
                    .endpointName("build")
                    .endpointSubject(settings.subjects().build())
                    .endpointQueueGroup(Subjects.SERVICE)
                    .dispatcher(dispatcher)
                    .handler(endpoint::onMessage)
                    .statsDataSupplier(this::stats)
                    .build())
            .build();
  }

  /** Joins the queue group; returns when the server knows. */
  public void start() throws InterruptedException {
    var unused = service.startService();
    flush();
    LOG.info(
        "worker {} serves {} with {} slots, bucket {}",
        settings.worker(),
        settings.subjects().build(),
        settings.slots(),
        settings.bucket());
  }

  /**
   * Leaves the queue group, lets builds end for the grace time, and answers; the connections stay
   * open.
   *
   * @return whether every build has ended
   */
  public boolean stop() throws InterruptedException {
    if (front.getStatus() == Connection.Status.CONNECTED) {
      // Requests that are already here are still queued.
      awaitDrained(dispatcher.drain(DRAIN));
    }
    boolean clean = slots.drain(settings.grace());
    if (!clean) {
      LOG.error(
          "builds still run or wait after {}; their requesters are told to ask again",
          settings.grace());
      endpoint.abandon();
    }
    service.stop();
    flush();
    return clean;
  }

  private static void awaitDrained(CompletableFuture<Boolean> drained) throws InterruptedException {
    try {
      drained.get(DRAIN.toMillis() * 2, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.warn("the subscription did not drain: {}", e.toString());
    }
  }

  private void flush() throws InterruptedException {
    if (front.getStatus() != Connection.Status.CONNECTED) {
      return;
    }
    try {
      front.flush(Duration.ofSeconds(5));
    } catch (TimeoutException e) {
      LOG.warn("the NATS server does not answer a flush: {}", e.getMessage());
    }
  }

  private JsonValue stats() {
    BuildSlots.Counts counts = slots.counts();
    try {
      return JsonParser.parse(
          new String(dev.nexrootfs.protocol.Protocol.write(counts), StandardCharsets.UTF_8));
    } catch (JsonParseException e) {
      throw new IllegalStateException("our own JSON does not parse", e);
    }
  }
}
