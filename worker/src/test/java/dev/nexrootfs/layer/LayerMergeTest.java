package dev.nexrootfs.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import dev.nexrootfs.tree.TreePath;
import dev.nexrootfs.tree.TreeTooLargeException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LayerMergeTest {
  @TempDir Path directory;
  private final List<DecodedLayer> opened = new ArrayList<>();

  @AfterEach
  void closeLayers() throws IOException {
    for (DecodedLayer layer : opened) {
      layer.close();
    }
  }

  @Test
  void upperFileReplacesLowerOneAndDirectoryKeepsItsChildren() throws Exception {
    FileTree tree =
        merge(
            new Tar().directory("d/").file("d/a", "lower").file("d/b", "b"),
            new Tar().entry("d/", '5', 0700, 5, 6, "").file("d/a", "upper"));
    assertThat(text(tree, "/d/a")).isEqualTo("upper");
    assertThat(text(tree, "/d/b")).isEqualTo("b");
    assertThat(node(tree, "/d").attributes().permissions()).isEqualTo(0700);
    assertThat(node(tree, "/d").attributes().uid()).isEqualTo(5);
  }

  @Test
  void whiteoutRemovesFromBelowOnlyWhereverItStands() throws Exception {
    Tar lower = new Tar().directory("d/").file("d/a", "lower").file("d/b", "b");
    for (Tar upper :
        List.of(
            new Tar().file("d/.wh.a", "").file("d/a", "upper"),
            new Tar().file("d/a", "upper").file("d/.wh.a", ""))) {
      FileTree tree = merge(lower, upper);
      assertThat(text(tree, "/d/a")).isEqualTo("upper");
      assertThat(text(tree, "/d/b")).isEqualTo("b");
    }
  }

  @Test
  void opaqueWhiteoutHidesAllFromBelowAndNothingOfItsOwnLayer() throws Exception {
    Tar lower = new Tar().directory("d/").file("d/a", "a").directory("d/e/").file("d/e/x", "x");
    for (Tar upper :
        List.of(
            new Tar().directory("d/").file("d/.wh..wh..opq", "").file("d/e/new", "new"),
            new Tar().directory("d/").file("d/e/new", "new").file("d/.wh..wh..opq", ""))) {
      FileTree tree = merge(lower, upper);
      assertThat(Listing.of(tree).lines()).containsOnlyKeys("", "d", "d/e", "d/e/new");
    }
  }

  @Test
  void whiteoutOfADirectoryWithNewContentLeavesTheNewContentOnly() throws Exception {
    FileTree tree =
        merge(
            new Tar().entry("a/", '5', 0700, 9, 9, "").file("a/old", ""),
            new Tar().file("a/b", "new").file(".wh.a", ""));
    assertThat(Listing.of(tree).lines()).containsOnlyKeys("", "a", "a/b");
    assertThat(node(tree, "/a").attributes().permissions()).isEqualTo(0755);
  }

  @Test
  void whiteoutOfNothingIsNothing() throws Exception {
    FileTree tree =
        merge(new Tar().file(".wh.gone", "").file("no/such/.wh.x", "").file(".wh..wh.plnk", ""));
    assertThat(Listing.of(tree).lines()).containsOnlyKeys("");
  }

  @Test
  void typeChangesInEveryDirection() throws Exception {
    FileTree tree =
        merge(
            new Tar().directory("a/").file("a/x", "").file("b", "").link("c", "a"),
            new Tar()
                .file("a", "file")
                .directory("b/")
                .file("b/y", "")
                .directory("c/")
                .file("c/z", ""));
    assertThat(text(tree, "/a")).isEqualTo("file");
    assertThat(node(tree, "/b")).isInstanceOf(Directory.class);
    assertThat(node(tree, "/c")).isInstanceOf(Directory.class);
    assertThat(Listing.of(tree).lines()).containsOnlyKeys("", "a", "b", "b/y", "c", "c/z");
  }

  @Test
  void parentsThatAreSymbolicLinksAreFollowedInsideTheTree() throws Exception {
    FileTree tree =
        merge(
            new Tar()
                .directory("usr/")
                .directory("usr/lib/")
                .link("lib", "usr/lib")
                .link("abs", "/usr")
                .link("up", "../../../usr"),
            new Tar()
                .file("lib/a", "a")
                .file("abs/b", "b")
                .file("up/c", "c")
                .file("lib/.wh.gone", ""));
    assertThat(Listing.of(tree).lines())
        .containsOnlyKeys("", "abs", "lib", "up", "usr", "usr/lib", "usr/lib/a", "usr/b", "usr/c");
  }

  @Test
  void missingParentsAreMadeEvenBehindADanglingLink() throws Exception {
    FileTree tree =
        merge(new Tar().link("var", "data/var").file("var/log/x", "").file("a/b/c", ""));
    assertThat(Listing.of(tree).lines()).containsKeys("data/var/log/x", "a/b/c");
    assertThat(node(tree, "/a/b").attributes().permissions()).isEqualTo(0755);
  }

  @Test
  void linksThatLoopAreRefused() {
    refused("loop", new Tar().link("a", "b").link("b", "a").file("a/x", ""));
    refused("loop", new Tar().link("self", "self").file("self/x", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "a/../../x", "a/..", "..", "/etc/passwd", "//x"})
  void namesThatLeadOutOrStartElsewhereAreRefused(String name) {
    refused("entry \"" + name + "\"", new Tar().directory("a/").file(name, ""));
  }

  @Test
  void namesThatNoFileCanHaveAreRefused() {
    refused("256 bytes", new Tar().pax('x', "path", "n".repeat(256)).file("f", ""));
    refused("at most 4096", new Tar().pax('x', "path", "d/".repeat(2100)).file("f", ""));
    refused("NUL", new Tar().pax('x', "path", "a\0b").file("f", ""));
    refused("whiteout", new Tar().file(".wh.", ""));
    refused("whiteout", new Tar().file(".wh..", ""));
    refused("whiteout", new Tar().file("d/.wh...", ""));
  }

  @Test
  void fieldsThatNoFileCanHaveAreRefused() {
    refused("uid 4294967295", new Tar().pax('x', "uid", "4294967295").file("f", ""));
    refused("gid -1", new Tar().pax('x', "gid", "-1").file("f", ""));
    refused("4096 bytes", new Tar().pax('x', "linkpath", "t".repeat(4096)).link("l", "x"));
    refused("a file, not a directory", new Tar().file("f", "").file("f/x", ""));
    refused("root is not a directory", new Tar().file("./", "").entry(".", '2', 0777, 0, 0, "x"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"./", ".", "/", "//", "/./."})
  void rootEntrySetsTheRootsAttributes(String name) throws Exception {
    FileTree tree = merge(new Tar().entry(name, '5', 0700, 3, 4, ""));
    assertThat(tree.root().attributes().permissions()).isEqualTo(0700);
    assertThat(tree.root().attributes().uid()).isEqualTo(3);
  }

  @Test
  void hardLinkIsASecondNameOfTheSameFile() throws Exception {
    FileTree tree =
        merge(
            new Tar().file("a", "content").link("s", "a"),
            new Tar()
                .hardLink("b", "a")
                .hardLink("c", "./a")
                .hardLink("d", "/a")
                .hardLink("t", "s"));
    assertThat(node(tree, "/b")).isSameAs(node(tree, "/a"));
    assertThat(node(tree, "/c")).isSameAs(node(tree, "/a"));
    assertThat(node(tree, "/d")).isSameAs(node(tree, "/a"));
    assertThat(node(tree, "/t")).isInstanceOf(SymbolicLink.class).isSameAs(node(tree, "/s"));
    assertThat(node(tree, "/a").attributes().permissions()).isEqualTo(0644);
  }

  @Test
  void whiteoutBelowADirectoryThatReplacesALinkLeavesTheLinksTarget() throws Exception {
    Tar lower = new Tar().directory("run/").file("run/keep", "").link("v", "run");
    for (Tar upper :
        List.of(
            new Tar().directory("v/").file("v/.wh..wh..opq", "").file("v/new", ""),
            new Tar().file("v/.wh..wh..opq", "").directory("v/").file("v/new", ""),
            new Tar().directory("v/").file("v/.wh.keep", "").file("v/new", ""))) {
      assertThat(Listing.of(merge(lower, upper)).lines())
          .containsOnlyKeys("", "run", "run/keep", "v", "v/new");
    }
  }

  @Test
  void hardLinksThatLeadForwardThroughOthersAreResolved() throws Exception {
    FileTree tree =
        merge(new Tar().hardLink("a", "b").hardLink("b", "c").hardLink("c", "d").file("d", "x"));
    assertThat(node(tree, "/a")).isSameAs(node(tree, "/d"));
  }

  @Test
  void entryThatComesAfterAForwardLinkOfItsNameCounts() throws Exception {
    FileTree tree = merge(new Tar().hardLink("x", "y").file("x", "own").file("y", "target"));
    assertThat(text(tree, "/x")).isEqualTo("own");
  }

  @Test
  void symbolicLinkHasTheModeThatTheKernelShows() throws Exception {
    FileTree tree = merge(new Tar().entry("l", '2', 0644, 0, 0, "t"));
    assertThat(node(tree, "/l").attributes().permissions()).isEqualTo(0777);
  }

  @Test
  void extendedAttributesOfMoreThanTheKernelTakesAreRefused() {
    refused(
        "extended attribute",
        new Tar().pax('x', "SCHILY.xattr.user.big", "x".repeat(70_000)).file("f", ""));
  }

  @Test
  void treeOfMoreNodesThanItsLimitIsRefusedEvenWhereNoEntryNamesThem() {
    FileTree small = new FileTree(java.time.Instant.EPOCH, 3);
    assertThatThrownBy(
            () -> small.makeDirectories(TreePath.of("/a/b/c/d"), java.time.Instant.EPOCH))
        .isInstanceOf(TreeTooLargeException.class)
        .hasMessageContaining("more than 3 files and directories");
  }

  @Test
  void linksThatMultiplyTheirComponentsAreRefused() {
    Tar tar = new Tar().directory("d/");
    for (int i = 0; i < 5; i++) {
      tar.pax('x', "linkpath", "d/../".repeat(600) + (i == 0 ? "d" : "l" + (i - 1)))
          .link("l" + i, "x");
    }
    refused("components", tar.file("l4/f", ""));
  }

  @Test
  void hardLinkBeforeItsTargetIsResolved() throws Exception {
    FileTree tree = merge(new Tar().hardLink("b", "a").file("a", "x"));
    assertThat(node(tree, "/b")).isSameAs(node(tree, "/a"));
  }

  @Test
  void replacingOneNameLeavesTheOthers() throws Exception {
    FileTree tree =
        merge(new Tar().file("a", "old").hardLink("b", "a"), new Tar().file("a", "new"));
    assertThat(text(tree, "/a")).isEqualTo("new");
    assertThat(text(tree, "/b")).isEqualTo("old");
  }

  @Test
  void hardLinkToNothingOrToADirectoryIsRefused() {
    refused("hard link to nowhere, which does not exist", new Tar().hardLink("b", "nowhere"));
    refused("hard link to the directory d", new Tar().directory("d/").hardLink("b", "d"));
    refused("hard link to ../a", new Tar().hardLink("b", "../a"));
  }

  @Test
  void lastOfTwoEntriesOfOneNameCounts() throws Exception {
    assertThat(text(merge(new Tar().file("a", "1").file("a", "2")), "/a")).isEqualTo("2");
  }

  @Test
  void namesWithDotsAndDoubledSlashesAreCleaned() throws Exception {
    for (String name : List.of("./a//b/./c", "a/b/c/.")) {
      assertThat(Listing.of(merge(new Tar().file(name, "x"))).lines())
          .containsOnlyKeys("", "a", "a/b", "a/b/c");
    }
  }

  @Test
  void attributesOfADirectoryAreReplacedNotAddedTo() throws Exception {
    FileTree tree =
        merge(
            new Tar().pax('x', "SCHILY.xattr.user.lower", "1").directory("d/").file("d/f", ""),
            new Tar().pax('x', "SCHILY.xattr.user.upper", "2").directory("d/"));
    assertThat(node(tree, "/d").attributes().xattrs().asMap()).containsOnlyKeys("user.upper");
  }

  @Test
  void attributesOfTheHostAreLeftOut() throws Exception {
    FileTree tree =
        merge(
            new Tar()
                .pax(
                    'x',
                    "SCHILY.xattr.security.selinux",
                    "label",
                    "RHT.security.selinux",
                    "label",
                    "SCHILY.xattr.system.nfs4_acl",
                    "n",
                    "SCHILY.xattr.com.apple.provenance",
                    "p",
                    "LIBARCHIVE.xattr.com.apple.quarantine",
                    "cQ",
                    "SCHILY.xattr.btrfs.compression",
                    "zstd",
                    "SCHILY.xattr.security.ima",
                    "i",
                    "SCHILY.xattr.security.evm",
                    "e",
                    "SCHILY.xattr.trusted.overlay.opaque",
                    "y",
                    "SCHILY.xattr.user.overlay.origin",
                    "o",
                    "SCHILY.xattr.security.capability",
                    "c",
                    "SCHILY.xattr.trusted.other",
                    "t")
                .file("f", ""));
    assertThat(node(tree, "/f").attributes().xattrs().asMap())
        .containsOnlyKeys("security.capability", "security.ima", "security.evm", "trusted.other");
  }

  @Test
  void opaqueWhiteoutKeepsWhatComesWithoutEntriesForItsDirectories() throws Exception {
    Tar lower = new Tar().directory("a/").directory("a/b/").file("a/b/old", "").file("a/old", "");
    for (Tar upper :
        List.of(
            new Tar().file("a/b/c", "").file("a/.wh..wh..opq", ""),
            new Tar().file("a/.wh..wh..opq", "").file("a/b/c", ""))) {
      FileTree tree = merge(lower, upper);
      assertThat(Listing.of(tree).lines()).containsOnlyKeys("", "a", "a/b", "a/b/c");
      assertThat(node(tree, "/a/b").attributes().mtime()).isEqualTo(java.time.Instant.EPOCH);
    }
  }

  @Test
  void hardLinkGoesToALowerFileThatItsOwnLayerRemoves() throws Exception {
    Tar lower = new Tar().directory("d/").file("d/a", "lower");
    for (Tar upper :
        List.of(
            new Tar().file("d/.wh.a", "").hardLink("b", "d/a"),
            new Tar().hardLink("b", "d/a").file("d/.wh.a", ""),
            new Tar().file("d/.wh..wh..opq", "").hardLink("b", "d/a"),
            new Tar().hardLink("b", "d/a").file(".wh.d", ""))) {
      FileTree tree = merge(lower, upper);
      assertThat(text(tree, "/b")).isEqualTo("lower");
      assertThat(tree.find(TreePath.of("/d/a"))).isEmpty();
    }
  }

  @Test
  void hardLinkIsNotLedByALinkThatItsOwnLayerReplaces() throws Exception {
    Tar lower = new Tar().link("a", "a").link("v", "run").file("run/x", "").file("gone", "");
    FileTree tree =
        merge(
            lower,
            new Tar().directory("a/").file("a/f", "new").hardLink("b", "a/f").file(".wh.gone", ""));
    assertThat(text(tree, "/b")).isEqualTo("new");
    refused(
        "hard link to v/x, which does not exist",
        lower,
        new Tar().directory("v/").hardLink("b", "v/x").file(".wh.gone", ""));
  }

  @Test
  void hardLinkGoesToWhatIsThereWhenItsEntryComes() throws Exception {
    FileTree tree =
        merge(
            new Tar().file("a", "lower"),
            new Tar().hardLink("before", "a").file("a", "upper").hardLink("after", "a"));
    assertThat(text(tree, "/before")).isEqualTo("lower");
    assertThat(text(tree, "/after")).isEqualTo("upper");
  }

  @Test
  void overwritingOneNameOfALowerFileLeavesItsOtherNames() throws Exception {
    FileTree tree =
        merge(
            new Tar().file("a", "old").hardLink("b", "a").hardLink("c", "a"),
            new Tar().file("b", "new"),
            new Tar().file(".wh.a", ""));
    assertThat(text(tree, "/b")).isEqualTo("new");
    assertThat(text(tree, "/c")).isEqualTo("old");
    assertThat(tree.find(TreePath.of("/a"))).isEmpty();
  }

  @Test
  void linkThatComesAfterAForwardLinkOfItsNameCounts() throws Exception {
    FileTree tree =
        merge(
            new Tar().file("z", "lower"),
            new Tar().hardLink("x", "y").hardLink("./x", "z").file("y", "later"));
    assertThat(text(tree, "/x")).isEqualTo("lower");
  }

  @Test
  void lowerFileInThePlaceOfAParentIsReplaced() throws Exception {
    FileTree tree = merge(new Tar().file("a", "file").link("l", "a"), new Tar().file("l/b", "x"));
    assertThat(Listing.of(tree).lines()).containsOnlyKeys("", "a", "a/b", "l");
    assertThat(tree.retired()).hasSize(1);
  }

  @Test
  void parentThatTurnsElsewhereIsFoundAnew() throws Exception {
    FileTree tree =
        merge(
            new Tar()
                .directory("one/")
                .directory("two/")
                .link("l", "one")
                .file("l/a", "")
                .link("l", "two")
                .file("l/b", "")
                .file("l", "")
                .directory("l/")
                .file("l/c", ""));
    assertThat(Listing.of(tree).lines())
        .containsOnlyKeys("", "one", "one/a", "two", "two/b", "l", "l/c");
  }

  @Test
  void lastEntryCountsWhateverTheTypes() throws Exception {
    FileTree tree =
        merge(
            new Tar().directory("a/").file("a/x", "").file("a", "file"),
            new Tar().file("b", "").link("b", "a").directory("c/").file("c/y", "").directory("c/"));
    assertThat(text(tree, "/a")).isEqualTo("file");
    assertThat(node(tree, "/b")).isInstanceOf(SymbolicLink.class);
    assertThat(Listing.of(tree).lines()).containsOnlyKeys("", "a", "b", "c", "c/y");
  }

  @Test
  void sparseFileHasItsHolesAndItsData() throws Exception {
    FileTree tree =
        merge(
            new Tar()
                .pax('x', "GNU.sparse.map", "512,512,5000,7", "GNU.sparse.size", "6000")
                .file("f", "a".repeat(512) + "b".repeat(7)));
    RegularFile file = (RegularFile) node(tree, "/f");
    assertThat(file.content().dataRanges())
        .containsExactly(new Content.DataRange(512, 512), new Content.DataRange(5000, 7));
    String expected =
        "\0".repeat(512) + "a".repeat(512) + "\0".repeat(3976) + "b".repeat(7) + "\0".repeat(993);
    assertThat(text(tree, "/f")).isEqualTo(expected);
    for (int from : new int[] {0, 500, 1000, 1024, 4999, 5003, 5999}) {
      java.nio.ByteBuffer part = java.nio.ByteBuffer.allocate(Math.min(700, 6000 - from));
      file.content().read(from, part);
      assertThat(new String(part.array(), StandardCharsets.US_ASCII))
          .isEqualTo(expected.substring(from, from + part.capacity()));
    }
  }

  private void refused(String part, Tar... layers) {
    assertThatThrownBy(() -> merge(layers))
        .isInstanceOf(InvalidLayerException.class)
        .hasMessageContaining(part)
        .hasMessageContaining("layer sha256:");
  }

  private FileTree merge(Tar... layers) throws IOException {
    LayerMerge merge = new LayerMerge();
    for (Tar tar : layers) {
      Path file = Files.createTempFile(directory, "layer", ".tar");
      Files.write(file, tar.bytes());
      DecodedLayer layer = new DecodedLayer(Digest.sha256(tar.bytes()), FileChannel.open(file));
      opened.add(layer);
      merge.add(layer);
    }
    return merge.tree();
  }

  private static Node node(FileTree tree, String path) throws IOException {
    return tree.find(TreePath.of(path)).orElseThrow();
  }

  private static String text(FileTree tree, String path) throws IOException {
    RegularFile file = (RegularFile) node(tree, path);
    java.nio.ByteBuffer bytes = java.nio.ByteBuffer.allocate((int) file.content().size());
    file.content().read(0, bytes);
    return new String(bytes.array(), StandardCharsets.UTF_8);
  }
}
