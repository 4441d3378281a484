package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Debugfs;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.RegularFile;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Directories with an index: e2fsck, debugfs, our verifier and the kernel's look-ups judge them.
 */
class IndexedDirectoriesIT {
  @TempDir Path directory;
  private final FileTree tree = Trees.empty();
  private final Directory many = Trees.directory(tree, tree.root(), "many");

  @Test
  void directoryOf120000EntriesHasAnIndexOfTwoLevels() throws Exception {
    RegularFile[] files = new RegularFile[2];
    for (int i = 0; i < 120_000; i++) {
      // A file has at most 65,000 names, and more files would only take longer to compare.
      if (i % 60_000 == 0) {
        files[i / 60_000] = Trees.file(tree, tree.root(), "file" + i, 1);
      }
      many.put(Name.of("a-rather-long-name-of-entry-" + i), files[i / 60_000]);
    }
    Images.check(tree, 128L << 20, directory);
    assertThat(DirectoryShape.of(many.entries().keySet(), Contents.HASH).indirectLevels())
        .isEqualTo(1);
  }

  @Test
  void directoryOf65001SubdirectoriesCountsOneLink() throws Exception {
    for (int i = 0; i < 65_001; i++) {
      Trees.directory(tree, many, "d" + i);
    }
    Path image = directory.resolve("tree.img");
    Images.write(tree, 512L << 20, image);
    dev.nexrootfs.oracle.E2fsck.check(image);
    assertThat(Debugfs.stat(image, "/many")).contains("Links: 1 ");
  }

  @Test
  void namesOfBytesBeyondAsciiAreFoundByTheirHash() throws Exception {
    Random random = new Random(4711);
    for (int i = 0; i < 4000; i++) {
      byte[] name = new byte[4 + random.nextInt(60)];
      for (int j = 0; j < name.length; j++) {
        name[j] = (byte) (0x80 + random.nextInt(0x80));
      }
      many.put(
          Name.of(name), new RegularFile(Trees.plain(), tree.nextSequence(), ByteContent.of("")));
    }
    Images.check(tree, 32L << 20, directory);
  }

  @Test
  void nameThatIsAddedChangesOneLeaf() throws Exception {
    Random random = new Random(1);
    int unsplit = 0;
    for (int i = 0; i < 1000; i++) {
      many.put(Name.of("name-" + i), Trees.file(tree, tree.root(), "f", 0));
    }
    for (int i = 0; i < 50; i++) {
      Set<List<Name>> before = leaves();
      Name added = Name.of("added-" + random.nextLong());
      many.put(added, Trees.file(tree, tree.root(), "f", 0));
      Set<List<Name>> after = leaves();
      after.removeAll(before);
      assertThat(after.size()).isBetween(1, 2);
      unsplit += after.size() == 1 ? 1 : 0;
    }
    assertThat(unsplit).isGreaterThan(40);
  }

  private Set<List<Name>> leaves() throws LayoutException {
    DirectoryShape shape = DirectoryShape.of(many.entries().keySet(), Contents.HASH);
    Set<List<Name>> leaves = new HashSet<>();
    for (int block = shape.firstLeaf(); block < shape.blocks(); block++) {
      leaves.add(List.copyOf(shape.namesIn(block)));
    }
    return leaves;
  }
}
