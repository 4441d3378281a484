package dev.nexrootfs.cli;

import dev.nexrootfs.service.PoolSetup;
import dev.nexrootfs.store.Denial;
import io.nats.client.Connection;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nex-rootfs setup}: makes what the pool needs in JetStream. */
@Command(
    name = "setup",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description =
        "Makes the buckets and the stream of a pool, as an administrator of the account. What exists stays as it is; how it differs is said, with exit status 1.")
final class SetupCommand implements Callable<Integer> {
  private static final long BLOBS_BYTES = 1L << 30;

  @Mixin private NatsFlags nats = new NatsFlags();
  @Mixin private BucketFlags buckets = new BucketFlags();
  @Mixin private ImageBucketFlag imageBucket = new ImageBucketFlag();
  @Mixin private PoolFlags pool = new PoolFlags();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--max-bytes",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      description =
          "most bytes of the bucket of images, and of that of inputs, as 20GiB; -1 for no limit, as a new one has")
  private @Nullable Long maxBytes;

  @Option(
      names = "--blobs-bytes",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      description =
          "most bytes of the bucket in which workers leave registries' blobs for each other; 0 for no such bucket (a new one: 1GiB)")
  private @Nullable Long blobsBytes;

  @Option(
      names = "--max-jobs",
      paramLabel = "N",
      description =
          "requests that may wait in the whole pool; more are told to come back (a new one: "
              + PoolSetup.MAX_JOBS
              + ")")
  private @Nullable Long maxJobs;

  @Option(
      names = "--namespace",
      paramLabel = "NAME",
      description = {
        "keep the queue of this namespace, the consumer ns-NAME, also while it is empty, for",
        "autoscalers that look at it; can be given again"
      })
  private List<String> namespaces = List.of();

  @Option(
      names = "--namespace-builds",
      paramLabel = "N",
      defaultValue = "-1",
      description =
          "builds that each such namespace may have running, as for the workers (default: ${DEFAULT-VALUE})")
  private long namespaceBuilds;

  @Option(
      names = "--update",
      description =
          "change what exists to what the other options say; sizes, copies and lengths that none of them says stay")
  private boolean update;

  @Option(
      names = "--replicas",
      description = "copies of each bucket and stream, 1 to 5 (new ones: 1)")
  private @Nullable Integer replicas;

  @Option(
      names = "--mirror-from",
      paramLabel = "DOMAIN",
      description = {
        "make nothing but a mirror of the images' bucket of this JetStream domain: on the server of",
        "a site, for its nodes to fetch from"
      })
  private @Nullable String mirrorFrom;

  @Override
  public Integer call() throws IOException, CommandFailure, InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    check();
    List<PoolSetup.Report> reports = new ArrayList<>();
    try (NatsSession session = NatsConnector.connect(NatsSettings.of(nats), "nex-rootfs setup")) {
      Connection connection = session.connection();
      PoolSetup setup =
          new PoolSetup(
              connection,
              replicas == null ? OptionalInt.empty() : OptionalInt.of(replicas),
              update);
      make(setup, connection, reports);
      if (!setup.canCompress()) {
        out.println(
            "this server keeps buckets uncompressed; nats-server 2.10 and newer compress them");
      }
      if (!setup.countsPurges()) {
        out.println(
            "this server counts deleted images as used until it restarts; nats-server 2.9.15 and newer do not");
      }
      return reports.stream().anyMatch(r -> r.outcome() == PoolSetup.Outcome.DIFFERS) ? 1 : 0;
    } catch (PoolSetup.RefusedException e) {
      throw new CommandFailure("JetStream refuses " + e.getMessage(), e);
    } finally {
      // Also what was made before a failure.
      reports.forEach(report -> print(out, report));
      out.flush();
    }
  }

  private void make(PoolSetup setup, Connection connection, List<PoolSetup.Report> reports)
      throws IOException, CommandFailure, PoolSetup.RefusedException {
    try {
      if (mirrorFrom != null) {
        reports.add(mirror(setup, connection, mirrorFrom));
      } else {
        addPool(setup, reports);
      }
    } catch (IOException e) {
      Optional<String> denial = Denial.of(connection);
      if (denial.isPresent()) {
        throw new CommandFailure("this identity may not set up the pool: " + denial.get(), e);
      }
      // Without JetStream nobody answers; in a cluster another server's JetStream may.
      if (!connection.getServerInfo().isJetStreamAvailable()) {
        throw new CommandFailure(
            "the NATS server has no JetStream; enable it (nats-server -js)", e);
      }
      throw e;
    }
  }

  private static OptionalLong given(@Nullable Long value) {
    return value == null ? OptionalLong.empty() : OptionalLong.of(value);
  }

  private void check() throws CommandFailure {
    if (replicas != null && (replicas < 1 || replicas > 5)) {
      throw CommandFailure.usage("--replicas " + replicas + " is not 1 to 5", null);
    }
    if (maxBytes != null && maxBytes < 1 && maxBytes != -1) {
      throw CommandFailure.usage("--max-bytes " + maxBytes + " is no size; -1 is no limit", null);
    }
    if (blobsBytes != null && blobsBytes < 0) {
      throw CommandFailure.usage("--blobs-bytes " + blobsBytes + " is less than 0", null);
    }
    if (maxJobs != null && maxJobs < 1) {
      throw CommandFailure.usage("--max-jobs " + maxJobs + " is not 1 or more", null);
    }
    if (namespaceBuilds < 1 && namespaceBuilds != -1) {
      throw CommandFailure.usage(
          "--namespace-builds " + namespaceBuilds + " is not 1 or more; -1 is no limit", null);
    }
  }

  private void addPool(PoolSetup setup, List<PoolSetup.Report> reports)
      throws IOException, CommandFailure, PoolSetup.RefusedException {
    if (setup.isMirror(imageBucket.name)) {
      throw new CommandFailure(
          "the bucket "
              + imageBucket.name
              + " is a mirror here, and the pool is where its origin is; at a site only"
              + " setup --mirror-from DOMAIN is needed");
    }
    OptionalLong bytes = given(maxBytes);
    // The stream is made last: without it an earlier setup did not come to its end.
    boolean isNew = !setup.hasStream(pool.stream);
    reports.add(setup.bucket(imageBucket.name, "root file systems for Nex", bytes, -1));
    reports.add(setup.bucket(buckets.inputs, "inputs of nex-rootfs builds", bytes, -1));
    boolean shares =
        blobsBytes == null ? isNew || setup.hasBucket(pool.blobs) : blobsBytes.longValue() != 0;
    if (shares) {
      reports.add(
          setup.bucket(
              pool.blobs,
              "blobs of registries, shared by workers",
              given(blobsBytes),
              BLOBS_BYTES));
    } else if (blobsBytes == null) {
      reports.add(
          new PoolSetup.Report(
              "bucket " + pool.blobs + " (--blobs-bytes makes it)",
              PoolSetup.Outcome.LEFT_OUT,
              List.of()));
    }
    reports.add(setup.leases(pool.leases));
    reports.add(setup.records(pool.records));
    reports.add(setup.jobs(pool.stream, buckets.subjects().jobs(), given(maxJobs)));
    for (String namespace : namespaces) {
      reports.add(setup.lane(pool.stream, buckets.subjects().jobs(), namespace, namespaceBuilds));
    }
  }

  private PoolSetup.Report mirror(PoolSetup setup, Connection connection, String domain)
      throws IOException, CommandFailure, PoolSetup.RefusedException {
    try {
      return setup.mirror(imageBucket.name, domain, given(maxBytes));
    } catch (IOException e) {
      if (Denial.of(connection).isPresent()) {
        throw e;
      }
      throw new CommandFailure(
          "the domain "
              + domain
              + " does not answer for the bucket "
              + imageBucket.name
              + ": is the leaf node connected, and may it ask $JS."
              + domain
              + ".API? ("
              + e.getMessage()
              + ")",
          e);
    }
  }

  private static void print(PrintWriter out, PoolSetup.Report report) {
    out.println(
        report.what() + " " + report.outcome().name().toLowerCase(Locale.ROOT).replace('_', ' '));
    report.differences().forEach(difference -> out.println("  " + difference));
    if (report.outcome() == PoolSetup.Outcome.DIFFERS) {
      out.println("  it was left as it is; nex-rootfs setup --update changes what can be changed");
    }
  }
}
