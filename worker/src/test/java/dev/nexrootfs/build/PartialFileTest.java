package dev.nexrootfs.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oracle.Command;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PartialFileTest {
  @TempDir Path directory;

  @Test
  void fileHasItsNameWhenItIsWholeAndNothingElseIsLeft() throws Exception {
    byte[] bytes = new byte[3_000_001];
    new Random(1).nextBytes(bytes);
    java.util.Arrays.fill(bytes, 100_000, bytes.length, (byte) 0);
    Path file = Files.writeString(directory.resolve("file"), "old");
    try (PartialFile out = PartialFile.of(file)) {
      out.write(bytes, 0, 1_000_001);
      assertThat(names()).containsExactly("file", "file.new", "file.new.lock");
      out.write(bytes, 1_000_001, 2_000_000);
      assertThat(file).hasContent("old");
      out.commit(Digest.sha256(bytes));
    }
    assertThat(Files.readAllBytes(file)).isEqualTo(bytes);
    assertThat(names()).containsExactly("file");
    String[] blocks =
        Command.of("stat", "-c", "%b %B", file).run().orThrow().output().strip().split(" ", -1);
    assertThat(Long.parseLong(blocks[0]) * Long.parseLong(blocks[1])).isLessThan(200_000);
  }

  @Test
  void fileThatIsNotCommittedLeavesTheOldOne() throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "old");
    try (PartialFile out = PartialFile.of(file)) {
      out.write(text("new"));
    }
    assertThat(file).hasContent("old");
    assertThat(names()).containsExactly("file");
  }

  @Test
  void whatWasWrittenBeforeARestartIsGone() throws Exception {
    Path file = directory.resolve("file");
    try (PartialFile out = PartialFile.of(file)) {
      out.write(text("much longer than what comes after it"));
      out.restart();
      out.write(text("new"));
      out.commit(Digest.sha256(text("new")));
    }
    assertThat(file).hasContent("new");
  }

  @Test
  void whatAKilledWriterHasLeftIsOverwritten() throws Exception {
    Path file = directory.resolve("file");
    Files.writeString(directory.resolve("file.new"), "half of a longer image");
    Files.writeString(directory.resolve("file.new.lock"), "");
    try (PartialFile out = PartialFile.of(file)) {
      out.write(text("new"));
      out.commit(Digest.sha256(text("new")));
    }
    assertThat(file).hasContent("new");
    assertThat(names()).containsExactly("file");
  }

  @Test
  void secondWriterIsRefusedAndTheFirstGoesOn() throws Exception {
    Path file = directory.resolve("file");
    try (PartialFile out = PartialFile.of(file)) {
      out.write(text("new"));
      assertThatThrownBy(() -> PartialFile.of(file).close())
          .isInstanceOf(IOException.class)
          .hasMessageContaining("is being written by another program");
      out.commit(Digest.sha256(text("new")));
    }
    assertThat(file).hasContent("new");
    try (PartialFile again = PartialFile.of(file)) {
      again.write(1);
    }
    assertThat(names()).containsExactly("file");
  }

  @Test
  void writerOfAnotherProgramIsRespected() throws Exception {
    Command.require("python3");
    Path lock = directory.resolve("file.new.lock");
    // fcntl(2), as another JVM would hold it.
    Process other =
        new ProcessBuilder(
                "python3",
                "-c",
                "import fcntl,sys; f=open(sys.argv[1],'w'); fcntl.lockf(f,fcntl.LOCK_EX);"
                    + " print('held',flush=True); sys.stdin.read()",
                lock.toString())
            .start();
    try {
      assertThat(other.inputReader().readLine()).isEqualTo("held");
      assertThatThrownBy(() -> PartialFile.of(directory.resolve("file")).close())
          .hasMessageContaining("another program");
      assertThat(names()).containsExactly("file.new.lock");
    } finally {
      other.destroyForcibly().waitFor();
    }
    PartialFile.of(directory.resolve("file")).close();
    assertThat(names()).isEmpty();
  }

  @Test
  void noteOfADigestCountsOnlyForTheFileAsItWas() throws Exception {
    Path file = directory.resolve("file");
    Digest noted = Digest.sha256(text("not what is in it, so that it shows who was asked"));
    try (PartialFile out = PartialFile.of(file)) {
      out.write(text("new"));
      out.commit(noted);
    }
    boolean keepsNotes =
        Files.getFileStore(file).supportsFileAttributeView("user")
            && FileDigest.of(file).equals(noted);
    org.junit.jupiter.api.Assumptions.assumeTrue(
        keepsNotes, "needs a file system with user extended attributes for temporary files");
    FileTime time = Files.getLastModifiedTime(file);
    Files.writeString(file, "longer");
    Files.setLastModifiedTime(file, time);
    assertThat(FileDigest.of(file)).isEqualTo(Digest.sha256(text("longer")));
    Files.writeString(file, "new");
    Files.setLastModifiedTime(file, FileTime.fromMillis(time.toMillis() + 1));
    assertThat(FileDigest.of(file)).isEqualTo(Digest.sha256(text("new")));
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
