package dev.nexrootfs.ext4.read;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Debugfs;
import dev.nexrootfs.oracle.Host;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.LoopMount;
import dev.nexrootfs.oracle.Mke2fs;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.TreePath;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Images that others make are read as others read them. */
class Mke2fsImagesIT {
  private static final long MANY = 1_000_000;

  @TempDir static Path shared;
  @TempDir Path directory;

  @BeforeAll
  static void fill() throws Exception {
    Command.require("mke2fs");
    Command.require("setfattr");
    Command.require("setfacl");
    org.junit.jupiter.api.Assumptions.assumeTrue(
        Command.of("id", "-u").run().output().strip().equals("0"), "needs root for device nodes");
    Mke2fs.fill(shared.resolve("source"), 1500);
  }

  static Stream<List<String>> flags() {
    return Stream.of(
        List.of("-b", "4096"),
        List.of("-b", "1024"),
        List.of("-b", "2048", "-I", "128"),
        List.of("-b", "1024", "-O", "^64bit"),
        List.of("-b", "4096", "-O", "^metadata_csum"),
        List.of("-b", "4096", "-O", "^metadata_csum,uninit_bg,^64bit"),
        List.of("-b", "1024", "-O", "^extents,^64bit"),
        List.of("-b", "4096", "-O", "^extent,^flex_bg,^64bit"),
        List.of("-b", "4096", "-O", "metadata_csum_seed", "-I", "512"),
        List.of("-b", "4096", "-O", "^resize_inode,meta_bg"),
        List.of("-b", "4096", "-O", "^has_journal,sparse_super2,^resize_inode"),
        List.of("-b", "1024", "-O", "^dir_index,^filetype,^sparse_super,^resize_inode"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("flags")
  void treeIsReadAsDebugfsReadsIt(List<String> flags) throws Exception {
    Path image = directory.resolve("image");
    Mke2fs.write(shared.resolve("source"), image, "48M", flags.toArray(String[]::new));
    Mke2fs.index(image);
    Path scratch = Files.createDirectory(directory.resolve("scratch"));
    try (ImageFile file = ImageFile.open(image)) {
      Listing read = Listing.of(Ext4Reader.open(file).tree(MANY));
      assertThat(read.lines()).hasSizeGreaterThan(1520);
      assertThat(Debugfs.list(image, scratch).differences(read)).isEmpty();
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("flags")
  void nothingIsFoundButWhatIsOurRule(List<String> flags) throws Exception {
    Path image = directory.resolve("image");
    Mke2fs.write(shared.resolve("source"), image, "300M", flags.toArray(String[]::new));
    try (ImageFile file = ImageFile.open(image)) {
      assertThat(Ext4Verifier.verify(file, 50)).isEmpty();
    }
    Mke2fs.index(image);
    try (ImageFile file = ImageFile.open(image)) {
      assertThat(Ext4Verifier.verify(file, 50)).noneMatch(Mke2fsImagesIT::isNoRuleOfOurs);
    }
  }

  /** e2fsck -D leaves old names in the blocks that it frees. */
  private static boolean isNoRuleOfOurs(Finding finding) {
    return !finding.what().startsWith("has bytes in a free block");
  }

  @Test
  void attributesAndListsAreReadAsTheKernelReadsThem() throws Exception {
    LoopMount.require();
    Path image = directory.resolve("image");
    Mke2fs.write(shared.resolve("source"), image, "48M");
    try (ImageFile file = ImageFile.open(image);
        LoopMount mount = LoopMount.of(image)) {
      FileTree tree = Ext4Reader.open(file).tree(MANY);
      assertThat(Listing.of(tree).differences(Host.list(mount.point()))).isEmpty();
      for (String path : List.of("small", "attributes", "acl", "deep", "deep/er")) {
        Map<String, byte[]> xattrs =
            tree.find(TreePath.of(path)).orElseThrow().attributes().xattrs().asMap();
        assertThat(xattrs).isNotEmpty();
        for (Map.Entry<String, byte[]> entry : xattrs.entrySet()) {
          String value =
              Command.of(
                      "getfattr",
                      "--absolute-names",
                      "--only-values",
                      "-n",
                      entry.getKey(),
                      mount.point().resolve(path))
                  .run()
                  .orThrow()
                  .output();
          assertThat(value).isEqualTo(new String(entry.getValue(), StandardCharsets.ISO_8859_1));
        }
      }
    }
  }

  @Test
  void imageOf64KibBlocksIsRead() throws Exception {
    Path image = directory.resolve("image");
    Mke2fs.write(shared.resolve("source"), image, "512M", "-b", "65536");
    Path scratch = Files.createDirectory(directory.resolve("scratch"));
    try (ImageFile file = ImageFile.open(image)) {
      Listing read = Listing.of(Ext4Reader.open(file).tree(MANY));
      assertThat(Debugfs.list(image, scratch).differences(read)).isEmpty();
    }
  }

  @Test
  void refusedFeaturesAreNamed() throws Exception {
    for (String feature : List.of("bigalloc", "encrypt", "casefold", "journal_dev")) {
      Path image = directory.resolve(feature);
      List<Object> command =
          feature.equals("journal_dev")
              ? List.of("mke2fs", "-q", "-F", "-O", feature, image, "8M")
              : List.of("mke2fs", "-q", "-F", "-t", "ext4", "-O", feature, image, "32M");
      Command.of(command.toArray()).run().orThrow();
      try (ImageFile file = ImageFile.open(image)) {
        org.assertj.core.api.Assertions.assertThatThrownBy(() -> Ext4Reader.open(file))
            .isInstanceOf(UnreadableImageException.class)
            .hasMessageContaining(feature);
      }
    }
  }

  @Test
  void journalThatNeedsRecoveryIsTold() throws Exception {
    Path image = directory.resolve("image");
    Mke2fs.write(shared.resolve("source"), image, "48M");
    Command.of("debugfs", "-w", "-R", "feature needs_recovery", image).run().orThrow();
    try (ImageFile file = ImageFile.open(image)) {
      Ext4Reader reader = Ext4Reader.open(file);
      assertThat(reader.needsRecovery()).isTrue();
      assertThat(reader.tree(MANY).root().entries()).isNotEmpty();
    }
  }
}
