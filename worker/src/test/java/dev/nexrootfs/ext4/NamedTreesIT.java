package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.ext4.ondisk.DirectoryBlock;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Debugfs;
import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.oracle.Host;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.LoopMount;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.Xattrs;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Trees written out by name, one for each boundary; e2fsck, debugfs and the kernel judge each. */
class NamedTreesIT {
  private static final long SMALL = 32L << 20;

  @TempDir Path directory;
  private final FileTree tree = Trees.empty();
  private final Directory root = tree.root();

  @Test
  void rootOnly() throws Exception {
    Images.check(tree, SMALL, directory);
  }

  @Test
  void filesAroundTheBlockSize() throws Exception {
    for (long size : new long[] {0, 1, 4095, 4096, 4097, 8191, 8192}) {
      Trees.file(tree, root, "file-" + size, size);
    }
    Images.check(tree, SMALL, directory);
  }

  @Test
  void fileOf130MibIsSplitAroundTheBackupOfGroupOne() throws Exception {
    Trees.file(tree, root, "large", 130L << 20);
    Images.check(tree, 200L << 20, directory);
    assertThat(Debugfs.stat(directory.resolve("tree.img"), "/large"))
        .containsPattern("EXTENTS:\\s*\\(0-\\d+\\):\\d+-32767, \\(\\d+-");
  }

  @Test
  void directoryOf3000Entries() throws Exception {
    Directory many = Trees.directory(tree, root, "many");
    for (int i = 0; i < 3000; i++) {
      Trees.file(tree, many, "entry-" + i, 0);
    }
    Images.check(tree, SMALL, directory);
  }

  @Test
  void directoryBlockFilledToItsLastByte() throws Exception {
    // "." and ".." take 24 bytes; the rest of the block is 4060 = 16 entries of 252, and one of 28.
    Directory full = Trees.directory(tree, root, "full");
    for (int i = 0; i < 16; i++) {
      Trees.file(tree, full, String.format("%02d", i) + "x".repeat(242), 0);
    }
    Trees.file(tree, full, "99" + "y".repeat(18), 0);
    assertThat(shape(full).blocks()).isEqualTo(1);
    Directory over = Trees.directory(tree, root, "over");
    full.entries().forEach(over::put);
    Trees.file(tree, over, "z", 0);
    assertThat(shape(over).isIndexed()).isTrue();
    assertThat(shape(over).blocks()).isEqualTo(2);
    assertThat(DirectoryBlock.CAPACITY).isEqualTo(24 + 16 * 252 + 28);
    Images.check(tree, SMALL, directory);
  }

  private static DirectoryShape shape(Directory directory) throws LayoutException {
    return DirectoryShape.of(directory.entries().keySet(), Contents.HASH);
  }

  @Test
  void symbolicLinksAroundTheInodesRoom() throws Exception {
    for (int length : new int[] {1, 58, 59, 60, 61, 255, 4094, 4095}) {
      Trees.link(tree, root, "link-" + length, "t".repeat(length));
    }
    Images.check(tree, SMALL, directory);
    Path image = directory.resolve("tree.img");
    assertThat(Debugfs.stat(image, "/link-59")).contains("Fast link dest", "Blockcount: 0");
    assertThat(Debugfs.stat(image, "/link-60")).contains("EXTENTS", "Blockcount: 8");
  }

  @Test
  void hardLinksOfEveryTypeThatHasThem() throws Exception {
    Directory below = Trees.directory(tree, root, "below");
    Trees.file(tree, root, "file", 5000);
    Trees.link(tree, root, "link", "file");
    Trees.device(tree, root, "fifo", DeviceNode.Type.FIFO, 0, 0);
    for (Map.Entry<Name, Node> entry : Map.copyOf(root.entries()).entrySet()) {
      if (!(entry.getValue() instanceof Directory)) {
        below.put(entry.getKey(), entry.getValue());
        below.put(Name.of(entry.getKey() + "-again"), entry.getValue());
      }
    }
    Images.check(tree, SMALL, directory);
  }

  @Test
  void fileOf65000Links() throws Exception {
    RegularFile file = Trees.file(tree, root, "file", 1);
    Directory links = Trees.directory(tree, root, "links");
    for (int i = 1; i < 65_000; i++) {
      links.put(Name.of("l" + i), file);
    }
    Images.check(tree, SMALL, directory);
  }

  @Test
  void devicesAroundTheOldNumbersLimits() throws Exception {
    for (int major : new int[] {0, 1, 255, 256, 4095}) {
      for (int minor : new int[] {0, 1, 255, 256, 1_048_575}) {
        Trees.device(
            tree, root, "c" + major + "-" + minor, DeviceNode.Type.CHARACTER, major, minor);
        Trees.device(tree, root, "b" + major + "-" + minor, DeviceNode.Type.BLOCK, major, minor);
      }
    }
    Trees.device(tree, root, "fifo", DeviceNode.Type.FIFO, 0, 0);
    Images.check(tree, SMALL, directory);
  }

  @Test
  void everyPermissionBitAndHighIds() throws Exception {
    long[] ids = {0, 65_535, 65_536, 4_294_967_294L};
    for (int bit = 0; bit < 12; bit++) {
      Attributes attributes = Attributes.of(1 << bit, ids[bit % 4], ids[(bit + 1) % 4], Trees.TIME);
      Trees.file(tree, root, "bit-" + bit, attributes, ByteContent.of("x"));
      root.put(Name.of("directory-" + bit), new Directory(attributes, tree.nextSequence()));
    }
    Images.check(tree, SMALL, directory);
  }

  @Test
  void timesFrom1901To2446() throws Exception {
    List<String> times =
        List.of(
            "1901-12-13T20:45:52Z",
            "1969-12-31T23:59:59Z",
            "1969-12-31T23:59:59.999999999Z",
            "1970-01-01T00:00:00Z",
            "2038-01-19T03:14:07Z",
            "2038-01-19T03:14:08Z",
            "2106-02-07T06:28:15Z",
            "2106-02-07T06:28:16Z",
            "2446-05-10T22:38:55.999999999Z");
    for (String time : times) {
      Attributes attributes = Attributes.of(0644, 0, 0, Instant.parse(time));
      Trees.file(tree, root, time, attributes, ByteContent.of(""));
    }
    Images.check(tree, SMALL, directory);
  }

  @Test
  void namesOf255BytesAndOfBytesThatAreNotUtf8() throws Exception {
    Trees.file(tree, root, "n".repeat(255), 1);
    byte[] stray = new byte[255];
    for (int i = 0; i < stray.length; i++) {
      stray[i] = (byte) (0x80 + i % 0x80);
    }
    root.put(
        Name.of(stray), new RegularFile(Trees.plain(), tree.nextSequence(), ByteContent.of("a")));
    root.put(
        Name.of(new byte[] {(byte) 0xFF}),
        new RegularFile(Trees.plain(), tree.nextSequence(), ByteContent.of("b")));
    Trees.file(tree, root, "umlaut-äöü-日本", 1);
    Images.check(tree, SMALL, directory);
  }

  @Test
  void directories200Deep() throws Exception {
    Directory at = root;
    for (int i = 0; i < 200; i++) {
      at = Trees.directory(tree, at, "d");
    }
    Trees.file(tree, at, "bottom", 10);
    Images.check(tree, SMALL, directory);
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 5, 340, 341, 1360, 1361})
  void fileOfSoManyExtents(int extents) throws Exception {
    Trees.file(tree, root, "sparse", Trees.plain(), everySecondBlock(extents));
    Images.check(tree, 64L << 20, directory);
  }

  @Test
  void holesTakeNoBlocks() throws Exception {
    Content content = everySecondBlock(3);
    Trees.file(tree, root, "sparse", Trees.plain(), content);
    Images.check(tree, SMALL, directory);
    assertThat(Debugfs.stat(directory.resolve("tree.img"), "/sparse")).contains("Blockcount: 24");
  }

  @Test
  void attributesInTheInodeAreReadByNameByTheKernel() throws Exception {
    Command.require("getfattr");
    byte[] capability = HexFormat.of().parseHex("0100000280000000000000000000000000000000");
    Xattrs xattrs =
        Xattrs.of(
            Map.of("security.capability", capability, "user.b", new byte[] {1, 0, (byte) 0xFF}));
    Trees.file(
        tree, root, "file", new Attributes(0755, 0, 0, Trees.TIME, xattrs), ByteContent.of("x"));
    Images.check(tree, SMALL, directory);
    LoopMount.require();
    try (LoopMount mount = LoopMount.of(directory.resolve("tree.img"))) {
      for (Map.Entry<String, byte[]> entry : xattrs.asMap().entrySet()) {
        String value =
            Command.of(
                    "getfattr",
                    "--absolute-names",
                    "--only-values",
                    "-n",
                    entry.getKey(),
                    mount.point().resolve("file"))
                .run()
                .orThrow()
                .output();
        assertThat(value.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1))
            .isEqualTo(entry.getValue());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 7, 8, 31, 127, 128, 129, 130, 2048, 20_480})
  void imageOfSoManyMib(long mebibytes) throws Exception {
    Trees.file(tree, root, "file", 5000);
    Images.check(tree, mebibytes << 20, directory);
  }

  @Test
  void imageOfAnOddNumberOfBytes() throws Exception {
    Trees.file(tree, root, "file", 5000);
    Images.check(tree, (20L << 20) + 1, directory);
    assertThat(directory.resolve("tree.img").toFile().length()).isEqualTo((20L << 20) + 1);
  }

  @Test
  void moreFilesThanTheUsualInodesOfAGroup() throws Exception {
    Directory many = Trees.directory(tree, root, "many");
    for (int i = 0; i < 12_000; i++) {
      Trees.file(tree, many, "f" + i, Trees.plain(), ByteContent.of(""));
    }
    Images.check(tree, SMALL, directory);
  }

  @Test
  void backupsOfSuperblockAndDescriptorsAreWhole() throws Exception {
    Trees.file(tree, root, "file", 5000);
    Path image = directory.resolve("tree.img");
    Images.write(tree, 1280L << 20, image);
    E2fsck.check(image);
    E2fsck.checkBackups(image, 3, 5, 7, 9);
  }

  @Test
  void lostAndFoundOfTheBaseIsKept() throws Exception {
    Directory own = Trees.directory(tree, root, "lost+found");
    Trees.file(tree, own, "#12", 10);
    Images.check(tree, SMALL, directory);
  }

  @Test
  void kernelCanWriteToTheImage() throws Exception {
    LoopMount.require();
    Trees.file(tree, root, "file", 5000);
    Path image = directory.resolve("tree.img");
    Images.write(tree, 64L << 20, image);
    String script =
        "mount -o loop \"$0\" \"$1\" && cp -a \"$1/file\" \"$1/copy\" && mkdir \"$1/new\""
            + " && for i in $(seq 500); do echo $i > \"$1/new/$i\"; done; umount \"$1\"";
    Path point = java.nio.file.Files.createDirectory(directory.resolve("mnt"));
    Command.of("sh", "-c", script, image, point).run().orThrow();
    E2fsck.checkUsed(image);
    try (LoopMount mount = LoopMount.of(image)) {
      Listing listing = Host.list(mount.point());
      assertThat(listing.lines().get("copy")).isEqualTo(listing.lines().get("file"));
      assertThat(listing.lines()).containsKey("new/500");
    }
  }

  /** {@code count} blocks of data, each followed by a block of nothing. */
  private static Content everySecondBlock(int count) {
    Content data = Trees.content(count * 8192L - 4096, 5);
    return new Content() {
      @Override
      public long size() {
        return data.size();
      }

      @Override
      public void read(long position, ByteBuffer target) {
        for (long at = position; target.hasRemaining(); at++) {
          boolean hole = at / 4096 % 2 == 1;
          target.put(hole ? 0 : (byte) (1 + at % 127));
        }
      }

      @Override
      public List<DataRange> dataRanges() {
        return IntStream.range(0, count).mapToObj(i -> new DataRange(i * 8192L, 4096)).toList();
      }
    };
  }
}
