package dev.nexrootfs.cli;

import dev.nexrootfs.build.PoolBlobs;
import dev.nexrootfs.service.PoolSettings;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.Leases;
import dev.nexrootfs.store.StoreException;
import io.nats.client.Connection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** What the workers of a pool share in JetStream. */
final class PoolFlags {
  private static final Logger LOG = LoggerFactory.getLogger(PoolFlags.class);

  @Option(
      names = "--blobs-bucket",
      converter = BucketName.class,
      defaultValue = "NEXBLOBS",
      description = {
        "object store bucket in which workers leave registries' blobs for each other,",
        "used where it exists (default: ${DEFAULT-VALUE})"
      })
  String blobs = "NEXBLOBS";

  @Option(
      names = "--leases-bucket",
      converter = BucketName.class,
      defaultValue = "NEXROOTFS_LEASES",
      description = "key-value bucket of the workers' leases (default: ${DEFAULT-VALUE})")
  String leases = "NEXROOTFS_LEASES";

  @Option(
      names = "--builds-bucket",
      converter = BucketName.class,
      defaultValue = PoolSettings.RECORDS,
      description = "key-value bucket with the state of builds (default: ${DEFAULT-VALUE})")
  String records = PoolSettings.RECORDS;

  @Option(
      names = "--jobs-stream",
      converter = BucketName.class,
      defaultValue = PoolSettings.STREAM,
      description = "stream of the pool's jobs (default: ${DEFAULT-VALUE})")
  String stream = PoolSettings.STREAM;

  /** The pool of {@code worker}; none where the buckets are not there. */
  PoolExchange open(Connection store, String worker) {
    PoolExchange exchange = new PoolExchange();
    try {
      exchange.use(
          new PoolBlobs(
              new Buckets(store).open(blobs),
              new Leases(store, leases, worker, exchange.renewals())));
    } catch (StoreException e) {
      LOG.warn("this worker shares no blobs with others: {}", e.getMessage());
    }
    return exchange;
  }
}
