package dev.nexrootfs.service;

import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.ConsumerInfo;
import java.io.IOException;
import java.time.Duration;

/**
 * The consumers of the job stream, one for each namespace. They are made when they are first needed
 * and go by themselves when nobody has asked with them for hours.
 *
 * @param jobs the subject under which jobs lie
 */
record Lanes(Connection store, PoolSettings settings, String jobs) {
  /** Longer than any build may take: a namespace's consumer outlives its last job. */
  private static final Duration IDLE = Duration.ofHours(3);

  private static final int CONSUMER_NOT_FOUND = 10_014;

  /** The name of a namespace's consumer. */
  static String name(String namespace) {
    return "ns-" + namespace;
  }

  /** The consumer of a namespace, made where there is none. */
  ConsumerInfo open(String namespace) throws IOException, JetStreamApiException {
    JetStreamManagement management = store.jetStreamManagement();
    try {
      return management.getConsumerInfo(settings.stream(), name(namespace));
    } catch (JetStreamApiException e) {
      if (e.getApiErrorCode() != CONSUMER_NOT_FOUND) {
        throw e;
      }
      return management.addOrUpdateConsumer(
          settings.stream(),
          lane(jobs, namespace, settings.runningPerNamespace()).inactiveThreshold(IDLE).build());
    }
  }

  /** The consumer of a namespace, which stays when it is idle. */
  static ConsumerConfiguration.Builder lane(String jobs, String namespace, long running) {
    return ConsumerConfiguration.builder()
        .durable(name(namespace))
        .filterSubject(jobs + ".build." + namespace + ".>")
        .ackPolicy(AckPolicy.Explicit)
        .ackWait(JobQueue.ACK_WAIT)
        .maxAckPending(running);
  }
}
