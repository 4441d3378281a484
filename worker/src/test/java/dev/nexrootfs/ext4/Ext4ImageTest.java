package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.tree.FileTree;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Ext4ImageTest {
  private static final int SIZE = 16 << 20;

  @TempDir Path directory;

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void e2fsckFindsNothingToSay(long seed) throws Exception {
    Path file = directory.resolve("tree.img");
    Images.write(Trees.random(seed), 32 << 20, file);
    E2fsck.check(file);
  }

  @Test
  void anyRangeIsThatPartOfTheStream() throws Exception {
    Ext4Image image = image(Trees.random(42));
    byte[] whole = whole(image);
    Random random = new Random(1);
    for (int i = 0; i < 2000; i++) {
      int from = random.nextInt(SIZE);
      int length = random.nextInt(Math.min(SIZE - from, 20_000) + 1);
      ByteBuffer part = ByteBuffer.allocate(length);
      image.read(from, part);
      assertThat(part.array()).isEqualTo(Arrays.copyOfRange(whole, from, from + length));
    }
  }

  @Test
  void streamFillsEachReadToTheEnd() throws Exception {
    try (InputStream stream = image(Trees.random(42)).stream()) {
      byte[] buffer = new byte[1_000_003];
      long total = 0;
      for (int got = stream.read(buffer); got >= 0; got = stream.read(buffer)) {
        total += got;
        assertThat(got == buffer.length || total == SIZE).isTrue();
      }
      assertThat(total).isEqualTo(SIZE);
    }
  }

  @Test
  void whatLiesBeforeTheNextDataIsZero() throws Exception {
    Ext4Image image = image(Trees.random(42));
    byte[] whole = whole(image);
    for (int at = 0; at < SIZE; at += 4096) {
      int next = (int) image.nextData(at);
      for (int i = at; i < Math.min(next, at + 4096); i++) {
        assertThat(whole[i]).isZero();
      }
    }
    assertThat(image.nextData(SIZE - 1)).isEqualTo(SIZE);
  }

  @Test
  void sameTreeGivesTheSameBytesAndAnotherTreeOthers() throws Exception {
    byte[] once = whole(image(Trees.random(7)));
    assertThat(whole(image(Trees.random(7)))).isEqualTo(once);
    assertThat(whole(image(Trees.random(8)))).isNotEqualTo(once);
  }

  @Test
  void bytesPastTheEndOfAFileAreZero() throws Exception {
    FileTree tree = Trees.empty();
    Trees.file(tree, tree.root(), "file", 5);
    Path file = directory.resolve("tree.img");
    Images.write(tree, SIZE, file);
    byte[] whole = Files.readAllBytes(file);
    byte first = 0;
    ByteBuffer content = ByteBuffer.allocate(5);
    Trees.content(5, "file".hashCode()).read(0, content);
    int at = indexOf(whole, content.array());
    for (int i = at + 5; i < at + 4096; i++) {
      assertThat(whole[i]).isEqualTo(first);
    }
  }

  private static int indexOf(byte[] whole, byte[] part) {
    for (int at = 0; at < whole.length; at += 4096) {
      if (Arrays.equals(whole, at, at + part.length, part, 0, part.length)) {
        return at;
      }
    }
    throw new AssertionError("the content is not in the image");
  }

  private static Ext4Image image(FileTree tree) throws LayoutException {
    return new Ext4Image(LayoutPlanner.plan(tree, Images.profile(SIZE)));
  }

  private static byte[] whole(Ext4Image image) throws Exception {
    try (InputStream stream = image.stream()) {
      return stream.readAllBytes();
    }
  }
}
