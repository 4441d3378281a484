package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Xattrs;
import java.io.InputStream;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Images byte for byte, by their digests. Where one changes, every image that was ever built
 * changes with it: then the layout version in the build key has to change, too.
 */
class GoldenImagesTest {
  private static final long SIZE = 16L << 20;

  @Test
  void rootOnly() throws Exception {
    assertThat(digest(Trees.empty(), SIZE))
        .isEqualTo("5e29364451aa830bd31cd16b56916ef6fb0dea0a4e4ff87b11fe597796cd3204");
  }

  @Test
  void everyTypeOfNode() throws Exception {
    assertThat(digest(everyType("hello\n"), SIZE))
        .isEqualTo("ec2e5ccdd821f2eb6dcfa32b531aade44ad913e13340f6c2e3494fe08a8767cd");
  }

  @Test
  void indexedDirectory() throws Exception {
    FileTree tree = Trees.empty();
    Directory many = Trees.directory(tree, tree.root(), "many");
    for (int i = 0; i < 2000; i++) {
      Trees.file(tree, many, "a-name-of-some-length-" + i, 0);
    }
    assertThat(digest(tree, 32L << 20))
        .isEqualTo("7888522d6687b6d6dddf29ab4bd866e259d417ee358512a336afec6917c0c3a1");
  }

  @Test
  void layersWithAGap() throws Exception {
    FileTree tree = Trees.empty();
    tree.beginLayer();
    Trees.file(tree, tree.root(), "kept", 70_000);
    Trees.file(tree, tree.root(), "removed", 90_000);
    Trees.file(tree, tree.root(), "after", 5000);
    tree.beginLayer();
    tree.remove(tree.root(), Name.of("removed"));
    Trees.file(tree, tree.root(), "added", 300_000);
    assertThat(digest(tree, SIZE))
        .isEqualTo("b36a5dc2ab24ee49e5f645df0775553fd2fbbe5ca9a8bd29cbad9fa873d92dba");
  }

  @Test
  void fileAroundABackup() throws Exception {
    FileTree tree = Trees.empty();
    Trees.file(tree, tree.root(), "large", 130L << 20);
    assertThat(digest(tree, 200L << 20))
        .isEqualTo("24159771b9e5c9541a0046d44c6ad21912c10a766aefa335a137166202902504");
  }

  @Test
  void oneByteOfContentChangesTheDigest() throws Exception {
    assertThat(digest(everyType("hellp\n"), SIZE)).isNotEqualTo(digest(everyType("hello\n"), SIZE));
  }

  private static FileTree everyType(String text) {
    FileTree tree = Trees.empty();
    Directory root = tree.root();
    Directory below = Trees.directory(tree, root, "below");
    Xattrs xattrs = Xattrs.of(Map.of("user.a", new byte[200], "security.b", new byte[] {1, 0, 2}));
    Attributes attributes = new Attributes(04755, 1000, 4_294_967_294L, Trees.TIME, xattrs);
    root.put(Name.of("link"), Trees.file(tree, below, "f", attributes, ByteContent.of(text)));
    Trees.link(tree, root, "short", "below/f");
    Trees.link(tree, root, "long", "t".repeat(300));
    Trees.device(tree, below, "null", DeviceNode.Type.CHARACTER, 1, 3);
    Trees.device(tree, below, "disk", DeviceNode.Type.BLOCK, 259, 70_000);
    Trees.device(tree, below, "fifo", DeviceNode.Type.FIFO, 0, 0);
    return tree;
  }

  private static String digest(FileTree tree, long size) throws Exception {
    java.security.MessageDigest digest = Digest.newSha256();
    byte[] buffer = new byte[1 << 20];
    try (InputStream stream =
        new Ext4Image(LayoutPlanner.plan(tree, Images.profile(size))).stream()) {
      for (int got = stream.read(buffer); got >= 0; got = stream.read(buffer)) {
        digest.update(buffer, 0, got);
      }
    }
    return java.util.HexFormat.of().formatHex(digest.digest());
  }
}
