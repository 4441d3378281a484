package dev.nexrootfs.store;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.Message;
import io.nats.client.api.MessageInfo;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * A message as its stream's leader has it (JetStream API {@code STREAM.MSG.GET}). A direct get,
 * which the client's own calls use, is answered by any replica, and so with what was true a moment
 * ago.
 */
public final class LeadersMessage {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int NO_MESSAGE_FOUND = 10_037;
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private LeadersMessage() {}

  /**
   * The last message of a subject.
   *
   * @return empty where the subject has none
   * @throws JetStreamApiException what the server refuses: there is no such stream, say
   * @throws IOException nobody answers within five seconds
   */
  public static Optional<MessageInfo> last(Connection connection, String stream, String subject)
      throws IOException, JetStreamApiException {
    return ask(connection, stream, Map.of("last_by_subj", subject));
  }

  /**
   * The first message of a subject from a sequence on.
   *
   * @return empty where the subject has none there
   * @throws JetStreamApiException what the server refuses
   * @throws IOException nobody answers within five seconds
   */
  static Optional<MessageInfo> next(
      Connection connection, String stream, String subject, long sequence)
      throws IOException, JetStreamApiException {
    return ask(connection, stream, Map.of("next_by_subj", subject, "seq", sequence));
  }

  /**
   * The message of a sequence.
   *
   * @return empty where there is none, or none any more
   * @throws JetStreamApiException what the server refuses
   * @throws IOException nobody answers within five seconds
   */
  static Optional<MessageInfo> at(Connection connection, String stream, long sequence)
      throws IOException, JetStreamApiException {
    return ask(connection, stream, Map.of("seq", sequence));
  }

  private static Optional<MessageInfo> ask(
      Connection connection, String stream, Map<String, Object> what)
      throws IOException, JetStreamApiException {
    String question = JSON.valueToTree(what).toString();
    try {
      Message answer =
          connection.request(
              "$JS.API.STREAM.MSG.GET." + stream,
              question.getBytes(StandardCharsets.UTF_8),
              PATIENCE);
      if (answer == null) {
        throw new IOException("nobody answers for stream " + stream);
      }
      MessageInfo message = new MessageInfo(answer, stream, false);
      if (message.hasError() && message.getApiErrorCode() == NO_MESSAGE_FOUND) {
        return Optional.empty();
      }
      message.throwOnHasError();
      return Optional.of(message);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (IllegalStateException e) {
      throw new IOException(e.getMessage(), e);
    }
  }
}
