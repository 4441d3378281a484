package dev.nexrootfs.store;

import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.api.StreamInfoOptions;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * How many chunks of an object a bucket holds, by the stream's leader (JetStream API {@code
 * STREAM.INFO} with a {@code subjects_filter}). A consumer on another replica can come to an end
 * before.
 */
final class ChunkCount {
  /**
   * nats-server 2.9.10 can say that there are none of what it has, and the next moment has them.
   */
  private static final int LOOKS = 3;

  private static final long PAUSE_MILLIS = 200;

  private ChunkCount() {}

  /**
   * How many chunks are not there; 0 where all are, negative where there are more.
   *
   * @param nuid the last token of the chunks' subject
   * @param chunks how many there have to be
   * @throws JetStreamApiException what the server refuses
   * @throws IOException where nobody answers
   */
  static long missing(Connection connection, String bucket, String nuid, long chunks)
      throws IOException, JetStreamApiException {
    for (int look = 1; ; look++) {
      long missing = chunks - of(connection, bucket, nuid);
      if (missing == 0 || look == LOOKS) {
        return missing;
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(PAUSE_MILLIS));
    }
  }

  private static long of(Connection connection, String bucket, String nuid)
      throws IOException, JetStreamApiException {
    String subject = "$O." + bucket + ".C." + nuid;
    try {
      return connection
          .jetStreamManagement()
          .getStreamInfo(Buckets.streamOf(bucket), StreamInfoOptions.filterSubjects(subject))
          .getStreamState()
          .getSubjectMap()
          .getOrDefault(subject, 0L);
    } catch (IllegalStateException e) {
      throw new IOException(e.getMessage(), e);
    }
  }
}
