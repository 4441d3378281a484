package dev.nexrootfs.service;

import dev.nexrootfs.store.Leases;
import dev.nexrootfs.store.StorageLimit;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.JetStreamOptions;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.CompressionOption;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.DiscardPolicy;
import io.nats.client.api.External;
import io.nats.client.api.KeyValueConfiguration;
import io.nats.client.api.Mirror;
import io.nats.client.api.ObjectStoreConfiguration;
import io.nats.client.api.RetentionPolicy;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What a pool needs in JetStream, made by an administrator of the account: workers need no right to
 * make it. What exists stays as it is; how it differs is said.
 */
public final class PoolSetup {
  /** Requests that may wait in the whole pool. */
  public static final long MAX_JOBS = 10_000;

  /** Namespaces that may have builds at once. */
  public static final long MAX_NAMESPACES = 1024;

  private static final Duration RECORDS_LIFE = Duration.ofHours(24);
  private static final long RECORDS_BYTES = 1L << 30;
  private static final int STREAM_NOT_FOUND = 10_059;
  private static final String COMPRESSION_SINCE = "2.10.0";
  private static final String PURGES_COUNTED_SINCE = "2.9.15";

  private final Connection connection;
  private final OptionalInt replicas;
  private final boolean update;

  /**
   * Sets up through {@code connection}.
   *
   * @param replicas copies of each stream, 1 to 5; empty for as many as there are, or one
   * @param update whether what exists is changed to what is wanted
   */
  public PoolSetup(Connection connection, OptionalInt replicas, boolean update) {
    this.connection = connection;
    this.replicas = replicas;
    this.update = update;
  }

  /** JetStream does not make a stream or consumer, or does not show it; the message names it. */
  public static final class RefusedException extends Exception {
    private static final long serialVersionUID = 1L;

    RefusedException(String what, JetStreamApiException refusal) {
      super(
          what
              + ": "
              + refusal.getMessage()
              + (StorageLimit.isReached(refusal) ? "; " + StorageLimit.REMEDY : ""),
          refusal);
    }
  }

  /** What became of one stream. */
  public enum Outcome {
    /** It was missing. */
    MADE,
    /** It is as it is wanted. */
    EXISTS,
    /** It is not, and was left. */
    DIFFERS,
    /** It was not, and is now. */
    UPDATED,
    /** The pool does without. */
    LEFT_OUT
  }

  /**
   * A line of the report.
   *
   * @param what the bucket or stream
   * @param outcome what became of it
   * @param differences each as {@code field: is X, would be Y}, or {@code field: was X, is Y}
   */
  public record Report(String what, Outcome outcome, List<String> differences) {
    /** Copies the list. */
    public Report {
      differences = List.copyOf(differences);
    }
  }

  /**
   * An object store bucket; compressed on the server's disk where the server can.
   *
   * @param maxBytes the most it may hold, -1 for no limit; empty for what it has, or {@code usual}
   */
  public Report bucket(String name, String description, OptionalLong maxBytes, long usual)
      throws IOException, RefusedException {
    String what = "bucket " + name;
    Optional<StreamConfiguration> present = present(what, "OBJ_" + name);
    return ensure(
        what,
        present,
        ObjectStoreConfiguration.builder(name)
            .description(description)
            .maxBucketSize(
                maxBytes.orElse(present.map(StreamConfiguration::getMaxBytes).orElse(usual)))
            .replicas(replicas(present))
            .storageType(StorageType.File)
            .compression(canCompress())
            .build()
            .getBackingConfig());
  }

  /** Whether an object store bucket is here, a mirror or its own. */
  public boolean hasBucket(String name) throws IOException, RefusedException {
    return present("bucket " + name, "OBJ_" + name).isPresent();
  }

  /** Whether a stream is here. */
  public boolean hasStream(String name) throws IOException, RefusedException {
    return present("stream " + name, name).isPresent();
  }

  /** Whether an object store bucket is here, as a mirror of another domain's. */
  public boolean isMirror(String name) throws IOException, RefusedException {
    return present("bucket " + name, "OBJ_" + name)
        .filter(is -> is.getMirror() != null)
        .isPresent();
  }

  private int replicas(Optional<StreamConfiguration> present) {
    return replicas.orElse(present.map(StreamConfiguration::getReplicas).orElse(1));
  }

  /**
   * A mirror of an object store bucket, in this JetStream; readers find it under the bucket's own
   * name. What is deleted from the bucket stays in the mirror.
   *
   * @param domain the JetStream domain that has the bucket
   */
  public Report mirror(String name, String domain, OptionalLong maxBytes)
      throws IOException, RefusedException {
    String stream = "OBJ_" + name;
    try {
      // A mirror of nothing can be made, and would say nothing.
      var unused =
          connection
              .jetStreamManagement(JetStreamOptions.builder().domain(domain).build())
              .getStreamInfo(stream);
    } catch (JetStreamApiException e) {
      throw new RefusedException(
          "bucket " + name + " of the domain " + domain + ", where setup has to be run first", e);
    }
    String what = "mirror of bucket " + name;
    Optional<StreamConfiguration> present = present(what, stream);
    StreamConfiguration.Builder mirror =
        StreamConfiguration.builder()
            .name(stream)
            .description("mirror of the bucket " + name + " of the domain " + domain)
            .mirror(Mirror.builder().name(stream).domain(domain).build())
            .allowDirect(true)
            .maxBytes(maxBytes.orElse(present.map(StreamConfiguration::getMaxBytes).orElse(-1L)))
            .replicas(replicas(present))
            .storageType(StorageType.File);
    if (canCompress()) {
      mirror.compressionOption(CompressionOption.S2);
    }
    return ensure(what, present, mirror.build());
  }

  /** Whether the server keeps streams compressed. */
  public boolean canCompress() {
    return connection.getServerInfo().isSameOrNewerThanVersion(COMPRESSION_SINCE);
  }

  /**
   * Whether the server takes from the account's storage what a purge by subject removed, which is
   * how objects are deleted (nats-server's pull request 3876).
   */
  public boolean countsPurges() {
    return connection.getServerInfo().isSameOrNewerThanVersion(PURGES_COUNTED_SINCE);
  }

  /** The bucket of leases. */
  public Report leases(String name) throws IOException, RefusedException {
    String what = "bucket " + name;
    Optional<StreamConfiguration> present = present(what, "KV_" + name);
    return ensure(
        what,
        present,
        KeyValueConfiguration.builder(name)
            .description("leases of nex-rootfs workers")
            .ttl(Leases.LIFE)
            .replicas(replicas(present))
            .build()
            .getBackingConfig());
  }

  /** The bucket with the state of builds. */
  public Report records(String name) throws IOException, RefusedException {
    String what = "bucket " + name;
    Optional<StreamConfiguration> present = present(what, "KV_" + name);
    return ensure(
        what,
        present,
        KeyValueConfiguration.builder(name)
            .description("state of nex-rootfs builds")
            .ttl(RECORDS_LIFE)
            .maxBucketSize(RECORDS_BYTES)
            .replicas(replicas(present))
            .build()
            .getBackingConfig());
  }

  /**
   * The stream of jobs, and the consumer of those who wait.
   *
   * @param jobs what the subjects of jobs start with
   * @param maxJobs requests that may wait; empty for what it has, or {@link #MAX_JOBS}
   */
  public Report jobs(String stream, String jobs, OptionalLong maxJobs)
      throws IOException, RefusedException {
    String what = "stream " + stream;
    Optional<StreamConfiguration> present = present(what, stream);
    Report report =
        ensure(
            what,
            present,
            StreamConfiguration.builder()
                .name(stream)
                .description("jobs of nex-rootfs workers")
                .subjects(jobs + ".>")
                .retentionPolicy(RetentionPolicy.WorkQueue)
                .discardPolicy(DiscardPolicy.New)
                .maxMessages(
                    maxJobs.orElse(present.map(StreamConfiguration::getMaxMsgs).orElse(MAX_JOBS)))
                // One message of a subject: equal requests are one job.
                .maxMessagesPerSubject(1)
                .discardNewPerSubject(true)
                .maxConsumers(MAX_NAMESPACES)
                .storageType(StorageType.File)
                .replicas(replicas(present))
                .build());
    consumer(
        stream,
        ConsumerConfiguration.builder()
            .durable(JobQueue.WAITING)
            .filterSubject(jobs + ".wait.>")
            .ackPolicy(AckPolicy.Explicit)
            .ackWait(JobQueue.ACK_WAIT)
            .maxAckPending(-1)
            .build());
    return report;
  }

  /**
   * The consumer of a namespace's jobs, so that it stays while there are none: for autoscalers that
   * look at it.
   *
   * @param running builds that the namespace may have running, -1 for no limit
   */
  public Report lane(String stream, String jobs, String namespace, long running)
      throws IOException, RefusedException {
    consumer(stream, Lanes.lane(jobs, namespace, running).build());
    return new Report("consumer " + Lanes.name(namespace), Outcome.EXISTS, List.of());
  }

  private void consumer(String stream, ConsumerConfiguration wanted)
      throws IOException, RefusedException {
    try {
      var unused = management().addOrUpdateConsumer(stream, wanted);
    } catch (JetStreamApiException e) {
      throw new RefusedException("consumer " + wanted.getDurable() + " of the stream " + stream, e);
    }
  }

  private Report ensure(
      String what, Optional<StreamConfiguration> present, StreamConfiguration wanted)
      throws IOException, RefusedException {
    try {
      if (present.isEmpty()) {
        var unused = management().addStream(wanted);
        return new Report(what, Outcome.MADE, List.of());
      }
      List<Difference> differences = differences(present.get(), wanted);
      if (differences.isEmpty()) {
        return new Report(what, Outcome.EXISTS, List.of());
      }
      if (!update) {
        return new Report(
            what,
            Outcome.DIFFERS,
            differences.stream().map(each -> each.text("is", "would be")).toList());
      }
      var unused = management().updateStream(changed(present.get(), wanted));
      return new Report(
          what, Outcome.UPDATED, differences.stream().map(each -> each.text("was", "is")).toList());
    } catch (JetStreamApiException e) {
      throw new RefusedException(what, e);
    }
  }

  private Optional<StreamConfiguration> present(String what, String stream)
      throws IOException, RefusedException {
    try {
      return Optional.of(management().getStreamInfo(stream).getConfiguration());
    } catch (JetStreamApiException e) {
      if (e.getApiErrorCode() == STREAM_NOT_FOUND) {
        return Optional.empty();
      }
      throw new RefusedException(what, e);
    }
  }

  /** A field of a stream that is not as it is wanted. */
  private record Difference(String field, Object is, Object wanted) {
    String text(String before, String after) {
      return field + ": " + before + " " + is + ", " + after + " " + wanted;
    }
  }

  /** All of a stream but what is compared stays as it is: placement, for one. */
  private static StreamConfiguration changed(StreamConfiguration is, StreamConfiguration wanted) {
    return StreamConfiguration.builder(is)
        .subjects(wanted.getSubjects())
        .storageType(wanted.getStorageType())
        .replicas(wanted.getReplicas())
        .retentionPolicy(wanted.getRetentionPolicy())
        .discardPolicy(wanted.getDiscardPolicy())
        .discardNewPerSubject(wanted.isDiscardNewPerSubject())
        .maxBytes(wanted.getMaxBytes())
        .maxAge(wanted.getMaxAge())
        .maxMessages(wanted.getMaxMsgs())
        .maxMessagesPerSubject(wanted.getMaxMsgsPerSubject())
        .maxConsumers(wanted.getMaxConsumers())
        .mirror(wanted.getMirror())
        .compressionOption(wanted.getCompressionOption())
        .build();
  }

  private static List<Difference> differences(StreamConfiguration is, StreamConfiguration wanted) {
    List<Difference> differences = new ArrayList<>();
    compare(differences, "subjects", is.getSubjects(), wanted.getSubjects());
    compare(differences, "storage", is.getStorageType(), wanted.getStorageType());
    compare(differences, "replicas", is.getReplicas(), wanted.getReplicas());
    compare(differences, "retention", is.getRetentionPolicy(), wanted.getRetentionPolicy());
    compare(differences, "discard", is.getDiscardPolicy(), wanted.getDiscardPolicy());
    compare(
        differences,
        "discard_new_per_subject",
        is.isDiscardNewPerSubject(),
        wanted.isDiscardNewPerSubject());
    compare(differences, "max_bytes", is.getMaxBytes(), wanted.getMaxBytes());
    compare(differences, "max_age", is.getMaxAge(), wanted.getMaxAge());
    compare(differences, "max_msgs", is.getMaxMsgs(), wanted.getMaxMsgs());
    compare(
        differences,
        "max_msgs_per_subject",
        is.getMaxMsgsPerSubject(),
        wanted.getMaxMsgsPerSubject());
    compare(differences, "max_consumers", is.getMaxConsumers(), wanted.getMaxConsumers());
    compare(differences, "mirror", mirrored(is), mirrored(wanted));
    compare(differences, "compression", is.getCompressionOption(), wanted.getCompressionOption());
    return differences;
  }

  private static String mirrored(StreamConfiguration configuration) {
    Mirror mirror = configuration.getMirror();
    if (mirror == null) {
      return "none";
    }
    External external = mirror.getExternal();
    return mirror.getName() + (external == null ? "" : " by " + external.getApi());
  }

  private static void compare(
      List<Difference> differences, String field, Object is, Object wanted) {
    if (!Objects.equals(is, wanted)) {
      differences.add(new Difference(field, is, wanted));
    }
  }

  private JetStreamManagement management() throws IOException {
    return connection.jetStreamManagement();
  }
}
