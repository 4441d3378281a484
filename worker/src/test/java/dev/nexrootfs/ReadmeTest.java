package dev.nexrootfs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.protocol.BuildEvent.Transition;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.ErrorCode;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The README keeps up with the protocol. */
class ReadmeTest {
  private final String readme;

  ReadmeTest() throws IOException {
    readme = Files.readString(Path.of("..", "README.md"));
  }

  @Test
  void everyErrorCodeIsListedWithItsNumber() {
    for (ErrorCode code : ErrorCode.values()) {
      assertThat(readme).contains("| `" + code + "` | " + code.number() + " |");
    }
  }

  @Test
  void everyFieldOfARequestIsListed() {
    int start = readme.indexOf("### Request");
    String table = readme.substring(start, readme.indexOf("### Reply", start));
    for (RecordComponent field : BuildRequest.class.getRecordComponents()) {
      assertThat(table).containsPattern("\\|[^|]*`" + field.getName() + "`[^|]*\\|");
    }
  }

  @Test
  void everyEventIsListed() {
    for (Transition transition : Transition.values()) {
      assertThat(readme).contains(transition.cloudEventType().replace("rootfs_build", ""));
    }
  }
}
