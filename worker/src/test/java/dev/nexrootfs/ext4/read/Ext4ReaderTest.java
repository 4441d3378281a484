package dev.nexrootfs.ext4.read;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.ext4.Trees;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.TreePath;
import dev.nexrootfs.tree.Xattrs;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class Ext4ReaderTest {
  private static final long MANY = 1_000_000;

  private final FileTree tree = Trees.empty();
  private final Directory root = tree.root();

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void treeIsReadAsItWasWritten(long seed) throws Exception {
    FileTree random = Trees.random(seed);
    Ext4Reader reader = Ext4Reader.open(Sources.of(random, 64 << 20));
    assertThat(Listing.of(random).differences(Listing.of(reader.tree(MANY)))).isEmpty();
  }

  @Test
  void attributesAreReadAsTheyWereWritten() throws Exception {
    Xattrs xattrs = Xattrs.of(Map.of("user.b", new byte[] {1, 0, -1}, "user.empty", new byte[0]));
    Trees.file(tree, root, "f", new Attributes(0644, 1, 2, Trees.TIME, xattrs), ByteContent.of(""));
    Ext4Reader reader = Ext4Reader.open(Sources.of(tree, 16 << 20));
    StoredInode file = reader.find(TreePath.of("/f")).orElseThrow();
    assertThat(reader.xattrs(file).asMap().keySet()).containsExactly("user.b", "user.empty");
    assertThat(reader.xattrs(file).asMap().get("user.b")).isEqualTo(new byte[] {1, 0, -1});
  }

  @Test
  void hardLinksAreOneNode() throws Exception {
    root.put(dev.nexrootfs.tree.Name.of("b"), Trees.file(tree, root, "a", 5));
    FileTree read = Ext4Reader.open(Sources.of(tree, 16 << 20)).tree(MANY);
    assertThat(read.find(TreePath.of("/a"))).isPresent().isEqualTo(read.find(TreePath.of("/b")));
  }

  @Test
  void holesAreNoDataRanges() throws Exception {
    Content written =
        new Content() {
          @Override
          public long size() {
            return 5000 * 8192L;
          }

          @Override
          public void read(long position, ByteBuffer target) {
            for (long at = position; target.hasRemaining(); at++) {
              target.put((byte) (at / 4096 % 2 == 1 ? 0 : 7));
            }
          }

          @Override
          public List<DataRange> dataRanges() {
            return IntStream.range(0, 5000).mapToObj(i -> new DataRange(i * 8192L, 4096)).toList();
          }
        };
    Trees.file(tree, root, "sparse", Trees.plain(), written);
    FileTree read = Ext4Reader.open(Sources.of(tree, 64 << 20)).tree(MANY);
    RegularFile file = (RegularFile) read.find(TreePath.of("/sparse")).orElseThrow();
    assertThat(file.content().dataRanges()).isEqualTo(written.dataRanges());
    assertThat(Listing.of(tree).differences(Listing.of(read))).isEmpty();
  }

  @Test
  void symbolicLinksInAPathAreFollowedInsideTheImage() throws Exception {
    Directory etc = Trees.directory(tree, root, "etc");
    Trees.file(tree, etc, "passwd", 100);
    Trees.link(tree, etc, "up", "../../../etc/./up2");
    Trees.link(tree, etc, "up2", "/etc");
    Trees.link(tree, root, "loop", "loop/x");
    Ext4Reader reader = Ext4Reader.open(Sources.of(tree, 16 << 20));
    assertThat(reader.find(TreePath.of("/etc/up/up2/passwd")).orElseThrow().size()).isEqualTo(100);
    assertThat(reader.find(TreePath.of("/etc/up")).orElseThrow().type())
        .isEqualTo(StoredInode.Type.SYMBOLIC_LINK);
    assertThat(reader.find(TreePath.of("/etc/passwd/x"))).isEmpty();
    assertThat(reader.find(TreePath.of("/none"))).isEmpty();
    org.assertj.core.api.Assertions.assertThatThrownBy(() -> reader.find(TreePath.of("/loop/y")))
        .isInstanceOf(UnreadableImageException.class)
        .hasMessageContaining("symbolic links");
  }

  @Test
  void superblockIsToldInWords() throws Exception {
    String words = String.join("\n", Ext4Reader.open(Sources.of(tree, 16 << 20)).describe());
    assertThat(words)
        .contains("4096 blocks of 4096")
        .contains("metadata_csum_seed")
        .contains("12345678-9abc-4def-8123-456789abcdef")
        .contains("half_md4, signed")
        .contains("inode 8, 4.0 MiB, empty");
  }
}
