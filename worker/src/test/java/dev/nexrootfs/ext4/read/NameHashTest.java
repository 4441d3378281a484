package dev.nexrootfs.ext4.read;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.ext4.Trees;
import dev.nexrootfs.oracle.Command;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NameHashTest {
  private static final String SEED = "6e65782d-726f-4f74-a673-686173687365";

  @TempDir Path directory;

  /** Names of which debugfs can be asked: its command line takes no other bytes. */
  private static final List<String> NAMES =
      List.of(
          "a",
          "ab",
          "abc",
          "abcd",
          "hello",
          "x".repeat(16),
          "y".repeat(17),
          "n".repeat(31),
          "n".repeat(32),
          "n".repeat(33),
          "z".repeat(255),
          "entry-4711",
          "äöü",
          "日本語のファイル");

  /** debugfs knows the unsigned ones by their numbers only. */
  @ParameterizedTest
  @CsvSource({"0, 1, legacy", "1, 1, half_md4", "2, 1, tea", "0, 2, 3", "1, 2, 4", "2, 2, 5"})
  void hashIsThatOfDebugfs(int version, int signFlag, String algorithm) throws Exception {
    Command.require("debugfs");
    EditableImage image = new EditableImage(Sources.of(Trees.empty(), 8 << 20));
    image.put32(1024 + 0x160, signFlag);
    StoredSuperblock superblock = Volume.open(image).superblock();
    NameHash hash = NameHash.of(superblock, version, "test");
    for (String name : NAMES) {
      String answer =
          Command.of("debugfs", "-R", "dx_hash -h " + algorithm + " -s " + SEED + " " + name)
              .variable("LC_ALL", "C.UTF-8")
              .run()
              .output();
      assertThat(answer)
          .as(name)
          .contains(
              String.format("is 0x%08x", hash.of(name.getBytes(StandardCharsets.UTF_8)))
                  .replaceFirst("0x0+(?=.)", "0x"));
    }
  }

  @Test
  void crc32cOfTheStandardsExample() {
    byte[] digits = "123456789".getBytes(StandardCharsets.US_ASCII);
    assertThat(~Crc32c.of(~0, digits, 0, digits.length)).isEqualTo(0xE3069283);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4, 100})
  void crc32cOfZerosIsThatOfAsManyZeroBytes(int count) {
    assertThat(Crc32c.ofZeros(77, count)).isEqualTo(Crc32c.of(77, new byte[count], 0, count));
    byte[] le = {4, 3, 2, 1};
    assertThat(Crc32c.ofLe32(77, 0x01020304)).isEqualTo(Crc32c.of(77, le, 0, 4));
  }

  @Test
  void crc32cGoesOnWhereItEnded() {
    byte[] bytes = new byte[999];
    new java.util.Random(1).nextBytes(bytes);
    int whole = Crc32c.of(~0, bytes, 0, 999);
    assertThat(Crc32c.of(Crc32c.of(~0, bytes, 0, 123), bytes, 123, 999)).isEqualTo(whole);
  }
}
