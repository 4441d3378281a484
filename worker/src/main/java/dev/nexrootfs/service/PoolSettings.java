package dev.nexrootfs.service;

/**
 * What the workers of a pool share.
 *
 * @param worker this worker's name
 * @param stream the stream of jobs
 * @param records the key-value bucket with the state of builds
 * @param leases the key-value bucket of leases
 * @param queuedPerNamespace the most builds that a namespace may have waiting
 * @param runningPerNamespace the most that it may have running, -1 for no limit
 */
public record PoolSettings(
    String worker,
    String stream,
    String records,
    String leases,
    long queuedPerNamespace,
    long runningPerNamespace) {
  /** The stream of jobs as it is called unless the operator says otherwise. */
  public static final String STREAM = "NEX_ROOTFS_JOBS";

  /** The bucket with the state of builds, likewise. */
  public static final String RECORDS = "NEXROOTFS_BUILDS";

  /** The bucket of leases, likewise. */
  public static final String LEASES = "NEXROOTFS_LEASES";

  /** Builds of a namespace that may wait. */
  public static final long QUEUED_PER_NAMESPACE = 1000;

  /** Checks the ranges. */
  public PoolSettings {
    if (queuedPerNamespace < 1 || (runningPerNamespace < 1 && runningPerNamespace != -1)) {
      throw new IllegalArgumentException(
          "queued "
              + queuedPerNamespace
              + " and running "
              + runningPerNamespace
              + " builds of a namespace: both are at least 1");
    }
  }
}
