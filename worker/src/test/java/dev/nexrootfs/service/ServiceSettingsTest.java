package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.protocol.Subjects;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ServiceSettingsTest {
  @ParameterizedTest
  @ValueSource(strings = {"", ".", "$", "$JS.API.", "_INBOX", ".x."})
  void prefixThatIsOneOfOtherSubjectsThanInboxesIsRefused(String prefix) {
    assertThatThrownBy(() -> settings(prefix)).hasMessageContaining("reply prefix \"" + prefix);
  }

  @Test
  void prefixOfInboxesIsTaken() {
    assertThat(settings("_INBOX_alice.").inboxPrefixes()).containsExactly("_INBOX_alice.");
  }

  private static ServiceSettings settings(String prefix) {
    return new ServiceSettings(
        new Subjects("nex.rootfs"),
        "B",
        "w",
        "1.0.0",
        1,
        Duration.ofHours(1),
        Duration.ZERO,
        List.of(prefix),
        new PoolSettings("w", "S", "R", "L", 1, -1));
  }
}
