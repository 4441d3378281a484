package dev.nexrootfs.cli;

import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.Leases;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
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
        "Makes the buckets of a pool, as an administrator of the account; what exists stays as it is.")
final class SetupCommand implements Callable<Integer> {
  @Mixin private NatsFlags nats = new NatsFlags();
  @Mixin private BucketFlags buckets = new BucketFlags();
  @Mixin private ImageBucketFlag imageBucket = new ImageBucketFlag();
  @Mixin private PoolFlags pool = new PoolFlags();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--max-bytes",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      defaultValue = "-1",
      description = "most bytes of a bucket, as 20GiB (default: no limit)")
  private long maxBytes;

  @Option(
      names = "--blobs-bytes",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      defaultValue = "1GiB",
      description =
          "most bytes of the bucket in which workers leave registries' blobs for each other; 0 for no such bucket (default: ${DEFAULT-VALUE})")
  private long blobsBytes;

  @Option(
      names = "--replicas",
      defaultValue = "1",
      description = "copies of each bucket, 1 to 5 (default: ${DEFAULT-VALUE})")
  private int replicas;

  @Override
  public Integer call() throws IOException, CommandFailure, InterruptedException {
    PrintWriter out = spec.commandLine().getOut();
    try (NatsSession session = NatsConnector.connect(NatsSettings.of(nats), "nex-rootfs setup")) {
      Buckets all = new Buckets(session.connection());
      report(
          out,
          imageBucket.name,
          all.create(imageBucket.name, "root file systems for Nex", maxBytes, replicas));
      report(
          out,
          buckets.inputs,
          all.create(buckets.inputs, "inputs of nex-rootfs builds", maxBytes, replicas));
      if (blobsBytes != 0) {
        report(
            out,
            pool.blobs,
            all.create(pool.blobs, "blobs of registries, shared by workers", blobsBytes, replicas));
      }
      report(out, pool.leases, Leases.create(session.connection(), pool.leases, replicas));
      out.flush();
      return 0;
    }
  }

  private static void report(PrintWriter out, String bucket, boolean made) {
    out.println("bucket " + bucket + (made ? " made" : " exists"));
  }
}
