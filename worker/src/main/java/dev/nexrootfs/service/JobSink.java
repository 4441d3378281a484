package dev.nexrootfs.service;

import dev.nexrootfs.build.ImageSink;
import dev.nexrootfs.ext4.Ext4Image;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.store.Fence;
import dev.nexrootfs.store.Leases;
import dev.nexrootfs.store.StoreException;
import java.io.Closeable;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The bucket as one job sees it: an image that another worker is building is waited for, and one
 * that is stored was built under a lease that is still held when it becomes visible.
 */
final class JobSink implements ImageSink, Closeable {
  private static final Logger LOG = LoggerFactory.getLogger(JobSink.class);
  private static final long LOOK_MILLIS = 500;

  private final BucketSink bucket;
  private final Leases leases;
  private final JobRun run;
  private Leases.@Nullable Lease lease;
  private String leased = "";
  private boolean waited;

  JobSink(BucketSink bucket, Leases leases, JobRun run) {
    this.bucket = bucket;
    this.leases = leases;
    this.run = run;
  }

  /**
   * The image, where it is there or comes to be while another worker builds it; none where this job
   * has the lease to build it. It may be asked again after a failure.
   */
  @Override
  public Optional<Stored> find(String object, BuildRequest request)
      throws IOException, RequestException {
    if (lease != null && leased.equals(object)) {
      lease.check();
      return owned(object, request);
    }
    close(); // a tag has moved since an earlier look
    run.noteUsed(object);
    while (true) {
      Optional<Stored> present = bucket.find(object, request);
      if (present.isPresent()) {
        return present;
      }
      Optional<Leases.Lease> acquired = leases.tryAcquire("build." + object);
      if (acquired.isPresent()) {
        lease = acquired.get();
        leased = object;
        return owned(object, request);
      }
      waited = true;
      run.waitForOther(LOOK_MILLIS);
    }
  }

  private Optional<Stored> owned(String object, BuildRequest request)
      throws IOException, RequestException {
    run.noteKey(object);
    if (waited) {
      // Its builder has stopped. This job has given its slot away: whoever has one takes both.
      run.handBack();
    }
    // Its builder may have ended between the look and the lease.
    return bucket.find(object, request);
  }

  @Override
  public Stored store(
      String object,
      BuildRequest request,
      Map<String, String> metadata,
      Ext4Image image,
      LongConsumer progress)
      throws IOException {
    Fence fence = lease == null ? Fence.NONE : lease;
    return bucket.store(object, request, metadata, image, progress, fence);
  }

  @Override
  public void close() {
    if (lease != null) {
      try {
        lease.close();
      } catch (StoreException | IllegalStateException e) {
        LOG.debug("a lease runs out by itself: {}", e.getMessage());
      }
      lease = null;
    }
  }
}
