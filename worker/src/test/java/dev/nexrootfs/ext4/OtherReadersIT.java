package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs with ext4 readers of their own read our images. */
class OtherReadersIT {
  @TempDir Path directory;
  private Path image;

  @BeforeEach
  void write() throws Exception {
    FileTree tree = Trees.empty();
    Directory below = Trees.directory(tree, tree.root(), "below");
    Trees.file(tree, below, "greeting", Trees.plain(), ByteContent.of("hello, reader\n"));
    Directory many = Trees.directory(tree, tree.root(), "many");
    for (int i = 0; i < 2000; i++) {
      Trees.file(tree, many, "entry-" + i, 1);
    }
    image = directory.resolve("tree.img");
    Images.write(tree, 64 << 20, image);
  }

  @Test
  void sevenZipListsEveryNameAndExtractsAFile() {
    Command.require("7z");
    String listed = Command.of("7z", "l", image).run().orThrow().output();
    assertThat(listed).contains("below/greeting", "many/entry-0\n", "many/entry-1999\n");
    assertThat(Command.of("7z", "x", "-so", image, "below/greeting").run().orThrow().output())
        .contains("hello, reader\n");
  }

  @Test
  void sleuthkitListsEveryName() {
    Command.require("fls");
    String listed = Command.of("fls", "-r", "-p", "-f", "ext4", image).run().orThrow().output();
    assertThat(listed).contains("below/greeting", "many/entry-0\n", "many/entry-1999\n");
  }

  @Test
  void grubReadsAFile() {
    Command.require("grub-fstest");
    assertThat(
            Command.of("grub-fstest", image, "cat", "(loop0)/below/greeting")
                .run()
                .orThrow()
                .output())
        .isEqualTo("hello, reader\n");
  }
}
