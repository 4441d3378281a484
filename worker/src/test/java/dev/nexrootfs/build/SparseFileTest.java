package dev.nexrootfs.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oracle.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SparseFileTest {
  @TempDir Path directory;

  @Test
  void bytesAreTheSameInPiecesOfAnySizeAndZerosAreHoles() throws Exception {
    byte[] bytes = new byte[3_000_000];
    new Random(1).nextBytes(bytes);
    java.util.Arrays.fill(bytes, 100_000, 2_900_000, (byte) 0);
    Path file = directory.resolve("file");
    try (SparseFile out = new SparseFile(file)) {
      Random random = new Random(2);
      for (int at = 0; at < bytes.length; ) {
        int length = Math.min(bytes.length - at, 1 + random.nextInt(10_000));
        out.write(bytes, at, length);
        at += length;
      }
      assertThat(file).doesNotExist();
      assertThat(out.digest()).isEqualTo(Digest.sha256(bytes));
      out.commit();
    }
    assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
    String blocks = Command.of("stat", "-c", "%b %B %a", file).run().orThrow().output().strip();
    String[] numbers = blocks.split(" ", -1);
    assertThat(Long.parseLong(numbers[0]) * Long.parseLong(numbers[1])).isLessThan(400_000);
    assertThat(numbers[2]).isEqualTo("644");
    assertThat(names()).containsExactly("file");
  }

  @Test
  void fileThatEndsInZerosHasItsWholeLength() throws Exception {
    Path file = directory.resolve("file");
    try (SparseFile out = new SparseFile(file)) {
      out.write(new byte[10_000_000]);
      out.commit();
    }
    assertThat(Files.size(file)).isEqualTo(10_000_000);
  }

  @Test
  void writersOfOneTargetDoNotShareAFile() throws Exception {
    Path file = directory.resolve("file");
    Path users = Files.writeString(directory.resolve("file.new"), "a user's own");
    try (SparseFile one = new SparseFile(file);
        SparseFile two = new SparseFile(file)) {
      one.write("one".getBytes(java.nio.charset.StandardCharsets.UTF_8));
      two.write("two!".getBytes(java.nio.charset.StandardCharsets.UTF_8));
      two.commit();
      assertThat(file).hasContent("two!");
      one.commit();
      assertThat(file).hasContent("one");
    }
    assertThat(users).hasContent("a user's own");
    assertThat(names()).containsExactlyInAnyOrder("file", "file.new");
  }

  @Test
  void fileThatIsNotCommittedLeavesNothing() throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "before");
    try (SparseFile out = new SparseFile(file)) {
      out.write(1);
    }
    assertThat(file).hasContent("before");
    assertThat(names()).containsExactly("file");
  }

  @Test
  void targetThatCannotBeAFileIsRefusedBeforeAnythingIsWritten() {
    refused(directory, "no regular file");
    refused(Path.of("/dev/null"), "no regular file");
    refused(directory.resolve("none/file"), "there is no directory");
    refused(Path.of("/"), "cannot be written");
  }

  private void refused(Path target, String part) {
    assertThatThrownBy(() -> new SparseFile(target).close())
        .isInstanceOf(IOException.class)
        .hasMessageContaining(part);
  }

  private java.util.List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> String.valueOf(file.getFileName())).toList();
    }
  }
}
