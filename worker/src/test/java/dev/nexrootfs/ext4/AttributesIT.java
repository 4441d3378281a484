package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.LoopMount;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Xattrs;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Extended attributes in inodes and blocks, read back one by one by the kernel. */
class AttributesIT {
  /** user::rw- user:1000:rwx group::r-- mask::rwx other::r--, as programs hold it. */
  private static final byte[] ACL =
      HexFormat.of()
          .parseHex(
              "02000000"
                  + "01000600ffffffff"
                  + "02000700e8030000"
                  + "04000400ffffffff"
                  + "10000700ffffffff"
                  + "20000400ffffffff");

  @TempDir Path directory;
  private final FileTree tree = Trees.empty();
  private final Map<String, Map<String, byte[]>> expected = new TreeMap<>();

  @Test
  void kernelFindsEveryAttributeOf150RandomSetsByItsName() throws Exception {
    Command.require("getfattr");
    Random random = new Random(605);
    String[] prefixes = {"user.", "trusted.", "security."};
    for (int i = 0; i < 150; i++) {
      Map<String, byte[]> attributes = new TreeMap<>();
      for (int j = random.nextInt(12); j >= 0; j--) {
        byte[] value = new byte[random.nextInt(random.nextInt(10) == 0 ? 1500 : 60)];
        random.nextBytes(value);
        String name = prefixes[random.nextInt(3)] + "n".repeat(random.nextInt(20)) + j;
        attributes.put(name, value);
      }
      add("file-" + i, attributes);
    }
    check();
  }

  @Test
  void attributesThatFillInodeAndBlockToTheirLastByte() throws Exception {
    Command.require("getfattr");
    // Entries of 16 and a name of 1, rounded to 20: 88 in the inode, 4060 in the block.
    add("full", Map.of("user.a", new byte[88 - 20], "user.b", new byte[4060 - 20]));
    check();
    add("over", Map.of("user.a", new byte[88 - 20], "user.b", new byte[4060 - 20 + 1]));
    assertThatThrownBy(() -> LayoutPlanner.plan(tree, Images.profile(32 << 20)))
        .isInstanceOf(LayoutException.class)
        .hasMessageContainingAll("/over", "user.b", "4060");
  }

  @Test
  void getfaclShowsTheListsThatAnArchiveHolds() throws Exception {
    Command.require("getfacl");
    LoopMount.require();
    add("file", Map.of("system.posix_acl_access", ACL));
    Attributes attributes =
        new Attributes(0755, 0, 0, Trees.TIME, Xattrs.of(Map.of("system.posix_acl_default", ACL)));
    tree.root().put(Name.of("directory"), new Directory(attributes, tree.nextSequence()));
    Images.check(tree, 32 << 20, directory);
    try (LoopMount mount = LoopMount.of(directory.resolve("tree.img"))) {
      assertThat(getfacl(mount.point().resolve("file")))
          .contains("user::rw-\nuser:1000:rwx\ngroup::r--\nmask::rwx\nother::r--");
      assertThat(getfacl(mount.point().resolve("directory")))
          .contains("default:user:1000:rwx\n", "default:mask::rwx\n");
    }
  }

  private static String getfacl(Path file) {
    return Command.of("getfacl", "--absolute-names", "-n", file).run().orThrow().output();
  }

  private void add(String name, Map<String, byte[]> attributes) {
    expected.put(name, attributes);
    Attributes all = new Attributes(0644, 0, 0, Trees.TIME, Xattrs.of(attributes));
    Trees.file(tree, tree.root(), name, all, ByteContent.of("x"));
  }

  private void check() throws Exception {
    Images.check(tree, 32 << 20, directory);
    LoopMount.require();
    try (LoopMount mount = LoopMount.of(directory.resolve("tree.img"))) {
      for (Map.Entry<String, Map<String, byte[]>> file : expected.entrySet()) {
        for (Map.Entry<String, byte[]> attribute : file.getValue().entrySet()) {
          String value =
              Command.of(
                      "getfattr",
                      "--absolute-names",
                      "--only-values",
                      "-n",
                      attribute.getKey(),
                      mount.point().resolve(file.getKey()))
                  .run()
                  .orThrow()
                  .output();
          assertThat(value.getBytes(StandardCharsets.ISO_8859_1))
              .as(file.getKey() + " " + attribute.getKey())
              .isEqualTo(attribute.getValue());
        }
      }
    }
  }
}
