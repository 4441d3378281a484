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
   * How many chunks of an object are not there any more; 0 where it is whole.
   *
   * @throws JetStreamApiException what the server refuses
   * @throws IOException where nobody answers
   */
  static long missing(Connection connection, StoredObject object)
      throws IOException, JetStreamApiException {
    for (int look = 1; ; look++) {
      long missing = object.chunks() - of(connection, object.bucket(), object.nuid());
      if (missing == 0 || look == LOOKS) {
        return missing;
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(PAUSE_MILLIS));
    }
  }

  /**
   * Asks the leader.
   *
   * @param nuid the last token of the chunks' subject
   * @throws JetStreamApiException what the server refuses
   * @throws IOException where nobody answers
   */
  static long of(Connection connection, String bucket, String nuid)
      throws IOException, JetStreamApiException {
    String subject = "$O." + bucket + ".C." + nuid;
    return connection
        .jetStreamManagement()
        .getStreamInfo(Buckets.streamOf(bucket), StreamInfoOptions.filterSubjects(subject))
        .getStreamState()
        .getSubjectMap()
        .getOrDefault(subject, 0L);
  }
}
