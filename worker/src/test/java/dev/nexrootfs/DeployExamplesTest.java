package dev.nexrootfs;

import static org.assertj.core.api.Assertions.assertThat;

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
    BuildRequest request =
        Protocol.readRequest(Files.readAllBytes(EXAMPLES.resolve(name + ".json")));
    assertThat(request.lint()).isEqualTo(Lint.STRICT);
    assertThat(request.script()).isEqualTo("nats://NEXINPUTS/" + name + ".sh");
    assertThat(EXAMPLES.resolve(name + ".sh")).content().startsWith("#!/bin/sh\n");
  }
}
