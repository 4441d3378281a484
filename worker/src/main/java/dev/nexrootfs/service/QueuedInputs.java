package dev.nexrootfs.service;

import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.api.MessageInfo;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What jobs that wait or are built want to read from a bucket: jobs lie in their stream so long.
 */
public final class QueuedInputs {
  private static final int NO_MESSAGE_FOUND = 10_037;
  private static final int STREAM_NOT_FOUND = 10_059;

  private QueuedInputs() {}

  /**
   * The objects of {@code bucket} that the jobs of {@code stream} name.
   *
   * @throws IOException where the stream cannot be read; a stream that is missing has no jobs
   */
  public static Set<String> of(Connection connection, String stream, String bucket)
      throws IOException {
    Pattern location = Pattern.compile("nats://" + Pattern.quote(bucket) + "/([^\"@\\s]+)");
    Set<String> objects = new HashSet<>();
    try {
      JetStreamManagement management = connection.jetStreamManagement();
      long next = 1;
      while (true) {
        MessageInfo job = management.getNextMessage(stream, next, ">");
        byte[] data = job.getData();
        if (data != null) {
          Matcher named = location.matcher(new String(data, StandardCharsets.UTF_8));
          while (named.find()) {
            objects.add(named.group(1));
          }
        }
        next = job.getSeq() + 1;
      }
    } catch (JetStreamApiException e) {
      if (e.getApiErrorCode() == NO_MESSAGE_FOUND || e.getApiErrorCode() == STREAM_NOT_FOUND) {
        return objects;
      }
      throw new IOException("the jobs of " + stream + " cannot be read: " + e.getMessage(), e);
    }
  }
}
