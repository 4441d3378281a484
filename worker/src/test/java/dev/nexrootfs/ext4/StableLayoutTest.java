package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images of one base are equal as far as their content is. */
class StableLayoutTest {
  private static final int CHUNK = 128 << 10;
  private static final int SIZE = 157_286_400;
  private static final int MEBIBYTE = 1 << 20;

  private static final byte[] SECRET = new byte[MEBIBYTE];

  static {
    new Random(3).nextBytes(SECRET);
  }

  @TempDir Path directory;

  @Test
  void agentOf21MibInPlaceOf20ChangesItsOwnChunksAndAtMost16More() throws Exception {
    byte[] small = image(base(), 20 * MEBIBYTE);
    byte[] large = image(base(), 21 * MEBIBYTE);
    assertThat(differentChunks(small, large)).isLessThanOrEqualTo(21 * MEBIBYTE / CHUNK + 16);
  }

  @Test
  void fileThatAnUpperLayerTakesAwayLeavesAGapOfZeros() throws Exception {
    byte[] before = image(base(), 5 * MEBIBYTE);
    FileTree tree = base();
    tree.beginLayer();
    Directory below = (Directory) tree.root().get(Name.of("directory-3")).orElseThrow();
    tree.remove(below, Name.of("large"));
    byte[] after = image(tree, 5 * MEBIBYTE);
    int at = indexOf(before, Arrays.copyOf(SECRET, 4096));
    assertThat(Arrays.equals(after, at, at + MEBIBYTE, new byte[MEBIBYTE], 0, MEBIBYTE)).isTrue();
    assertThat(differentChunks(before, after)).isLessThanOrEqualTo(MEBIBYTE / CHUNK + 16);
  }

  @Test
  void layerThatAddsToEveryDirectoryMovesNoFileOfTheBase() throws Exception {
    byte[] before = image(base(), MEBIBYTE);
    FileTree tree = base();
    tree.beginLayer();
    for (int i = 0; i < 20; i++) {
      Directory below = (Directory) tree.root().get(Name.of("directory-" + i)).orElseThrow();
      for (int j = 0; j < 60; j++) {
        Trees.file(tree, below, "added-to-make-the-directory-grow-past-its-block-" + j, 0);
      }
    }
    byte[] after = image(tree, MEBIBYTE);
    assertThat(differentChunks(before, after)).isLessThan(60);
  }

  @Test
  void contentThatFitsOnlyWithoutGapsStandsWithoutGaps() throws Exception {
    FileTree tree = Trees.empty();
    tree.beginLayer();
    Trees.file(tree, tree.root(), "old", 40 * MEBIBYTE);
    tree.beginLayer();
    tree.remove(tree.root(), Name.of("old"));
    Trees.file(tree, tree.root(), "new", 50 * MEBIBYTE);
    Path file = directory.resolve("tree.img");
    Images.write(tree, 64 << 20, file);
    E2fsck.check(file);
  }

  /** A base of one layer: 20 directories of 50 files. */
  private static FileTree base() {
    FileTree tree = Trees.empty();
    tree.beginLayer();
    for (int i = 0; i < 20; i++) {
      Directory below = Trees.directory(tree, tree.root(), "directory-" + i);
      for (int j = 0; j < 50; j++) {
        Trees.file(tree, below, "file-" + i + "-" + j, 20_000);
      }
      Trees.file(tree, below, "other-" + i, MEBIBYTE);
      if (i == 3) {
        Trees.file(tree, below, "large", Trees.plain(), new ByteContent(SECRET));
      }
    }
    return tree;
  }

  private byte[] image(FileTree tree, long agentBytes) throws Exception {
    tree.beginLayer();
    Trees.file(tree, tree.root(), "agent", agentBytes);
    Ext4Image image = new Ext4Image(LayoutPlanner.plan(tree, Images.profile(SIZE)));
    try (InputStream stream = image.stream()) {
      byte[] whole = stream.readAllBytes();
      Path file = Files.write(directory.resolve("tree.img"), whole);
      E2fsck.check(file);
      return whole;
    }
  }

  private static int differentChunks(byte[] one, byte[] other) {
    int different = 0;
    for (int at = 0; at < one.length; at += CHUNK) {
      int end = Math.min(at + CHUNK, one.length);
      different += Arrays.equals(one, at, end, other, at, end) ? 0 : 1;
    }
    return different;
  }

  private static int indexOf(byte[] whole, byte[] block) {
    for (int at = 0; at < whole.length; at += 4096) {
      if (Arrays.equals(whole, at, at + block.length, block, 0, block.length)) {
        return at;
      }
    }
    throw new AssertionError("the content is not in the image");
  }
}
