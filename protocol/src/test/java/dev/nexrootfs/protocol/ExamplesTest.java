package dev.nexrootfs.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.Iterator;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each record reads its example document and writes it again, field by field. */
class ExamplesTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @ParameterizedTest
  @ValueSource(
      classes = {
        BuildRequest.class,
        FileSpec.class,
        BuildReply.class,
        ErrorBody.class,
        BuildEvent.class,
        CloudEvent.class
      })
  void documentIsWrittenAsItWasRead(Class<?> type) throws Exception {
    byte[] example = example(type);
    Object read = Protocol.read(example, type);
    assertThat(JSON.readTree(Protocol.write(read))).isEqualTo(JSON.readTree(example));
  }

  @Test
  void exampleRequestPassesTheStrictReader() throws Exception {
    BuildRequest request = Protocol.readRequest(example(BuildRequest.class));
    assertThat(request.files()).hasSize(1);
    assertThat(request.objectLink()).isEqualTo("alpine_latest");
  }

  @Test
  void extensionAttributesAreStringsOrSmallNumbersWithPlainNames() throws Exception {
    JsonNode event = JSON.readTree(example(CloudEvent.class));
    for (Iterator<String> names = event.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      assertThat(name).matches("[a-z0-9]+");
      JsonNode value = event.get(name);
      if (!name.equals("data")) {
        assertThat(value.isTextual() || value.isInt()).as(name).isTrue();
      }
    }
  }

  private static byte[] example(Class<?> type) throws IOException {
    String name = "/examples/" + type.getSimpleName() + ".json";
    try (InputStream in = ExamplesTest.class.getResourceAsStream(name)) {
      return Objects.requireNonNull(in, name).readAllBytes();
    }
  }
}
