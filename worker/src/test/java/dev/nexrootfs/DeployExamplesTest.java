package dev.nexrootfs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.Lint;
import dev.nexrootfs.protocol.Protocol;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The example requests are requests, and the scripts that they name are beside them. */
class DeployExamplesTest {
  private static final Path EXAMPLES = Path.of("..", "deploy", "examples");

  @ParameterizedTest
  @ValueSource(strings = {"alpine", "debian"})
  void requestIsAcceptedAndItsScriptIsThere(String name) throws Exception {
    ObjectMapper json = new ObjectMapper();
    ObjectNode document =
        (ObjectNode) json.readTree(Files.readString(EXAMPLES.resolve(name + ".json")));
    // A field of the sandbox, which is not there yet.
    assertThat(document.remove("network").textValue()).isIn("none", "host");
    BuildRequest request = Protocol.readRequest(json.writeValueAsBytes(document));
    assertThat(request.lint()).isEqualTo(Lint.STRICT);
    assertThat(request.script()).isEqualTo("nats://NEXINPUTS/" + name + ".sh");
    assertThat(EXAMPLES.resolve(name + ".sh")).content().startsWith("#!/bin/sh\n");
  }
}
