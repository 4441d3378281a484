package dev.nexrootfs.cli;

import dev.nexrootfs.build.PoolBlobs;
import dev.nexrootfs.layer.BlobExchange;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;

/** A worker's part in the exchange of blobs, with the thread that keeps its leases. */
final class PoolExchange implements AutoCloseable {
  private final ScheduledExecutorService renewals =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "lease-renewals");
            thread.setDaemon(true);
            return thread;
          });
  private Optional<PoolBlobs> pool = Optional.empty();

  void use(PoolBlobs blobs) {
    pool = Optional.of(blobs);
  }

  ScheduledExecutorService renewals() {
    return renewals;
  }

  BlobExchange blobs() {
    return pool.<BlobExchange>map(blobs -> blobs).orElse(BlobExchange.NONE);
  }

  @Override
  public void close() {
    pool.ifPresent(PoolBlobs::close);
    renewals.shutdownNow();
  }
}
