package dev.nexrootfs.store;

import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.api.StreamInfoOptions;
import java.io.IOException;

/**
 * How many chunks of an object a bucket holds, by the stream's leader (JetStream API {@code
 * STREAM.INFO} with a {@code subjects_filter}). A consumer on another replica can come to an end
 * before.
 */
final class ChunkCount {
  private ChunkCount() {}

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
