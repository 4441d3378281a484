package dev.nexrootfs.tar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.ext4.Trees;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Host;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.Xattrs;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TarWriterTest {
  @TempDir Path directory;
  private final FileTree tree = Trees.empty();
  private final Directory root = tree.root();

  private static byte[] write(FileTree tree) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    TarWriter.write(tree, out);
    return out.toByteArray();
  }

  /** Where GNU tar has extracted {@code tree}, as root. */
  private Path extract(FileTree tree) throws IOException {
    return extract(tree, "C");
  }

  private Path extract(FileTree tree, String locale) throws IOException {
    Assumptions.assumeTrue(
        Command.of("id", "-u").run().output().strip().equals("0"), "needs root for owners");
    Path file = directory.resolve("tree.tar");
    Files.write(file, write(tree));
    Path target = Files.createDirectory(directory.resolve("out"));
    Command.Result result =
        Command.of(
                "tar",
                "--numeric-owner",
                "--xattrs",
                "--xattrs-include=*",
                "-xpf",
                file,
                "-C",
                target)
            .variable("LC_ALL", locale)
            .run()
            .orThrow();
    assertThat(withoutTimeWarnings(result.output())).isEmpty();
    return target;
  }

  private static List<String> withoutTimeWarnings(String output) {
    return output
        .lines()
        .filter(line -> !line.contains("implausibly old") && !line.contains("in the future"))
        .toList();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void gnuTarExtractsTheSameTree(long seed) throws Exception {
    FileTree random = Trees.random(seed);
    Path out = extract(random);
    assertThat(asHostsHoldIt(Listing.of(random)).differences(Host.list(out))).isEmpty();
  }

  /** Linux gives symbolic links no mode, and cuts off the nanoseconds of its very last second. */
  private static Listing asHostsHoldIt(Listing listing) {
    TreeMap<String, String> lines = new TreeMap<>(listing.lines());
    lines.replaceAll(
        (path, line) ->
            line.replaceFirst("^l [0-7]{4}", "l 0777")
                .replace(" 15032385535.999999999 ", " 15032385535.000000000 "));
    return new Listing(lines);
  }

  @ParameterizedTest
  @ValueSource(strings = {"C", "C.UTF-8"})
  void namesAndTargetsOfAnyLengthAndBytes(String locale) throws Exception {
    byte[] stray = new byte[255];
    for (int i = 0; i < stray.length; i++) {
      stray[i] = (byte) (0x80 + i % 0x80);
    }
    Directory at = root;
    for (int i = 0; i < 4; i++) {
      Directory next = new Directory(Trees.plain(), tree.nextSequence());
      at.put(Name.of(stray), next);
      at = next;
    }
    RegularFile file = Trees.file(tree, at, "umlaut-äöü-日本", 3);
    root.put(Name.of("zz-hard-link"), file);
    Trees.link(tree, root, "long", "t".repeat(4000));
    for (int length : new int[] {97, 98, 99, 100, 101, 255}) {
      Trees.file(tree, root, "n".repeat(length), 1);
      Trees.link(tree, root, "to-" + length, "t".repeat(length));
      Trees.directory(tree, root, "d".repeat(length));
    }
    Path out = extract(tree, locale);
    assertThat(Listing.of(tree).differences(Host.list(out))).isEmpty();
  }

  @Test
  void holesAreLeftOut() throws Exception {
    Trees.file(tree, root, "hole-in-front", Trees.plain(), sparse(10L << 30, 3L << 30, 5000));
    Trees.file(tree, root, "hole-behind", Trees.plain(), sparse(100_001, 0, 4096));
    Trees.file(tree, root, "unaligned", Trees.plain(), sparse(100_001, 777, 100));
    Trees.file(tree, root, "end", Trees.plain(), sparse(100_001, 99_000, 1001));
    Trees.file(tree, root, "n".repeat(200), Trees.plain(), sparse(1 << 20, 0, 0));
    assertThat(write(tree)).hasSizeLessThan(60_000);
    Trees.file(tree, root, "small", 700);
    Path out = extract(without("hole-in-front"));
    assertThat(Listing.of(tree).differences(Host.list(out))).isEmpty();
  }

  /** 10 GiB would take long to compare. */
  private FileTree without(String name) {
    tree.remove(root, Name.of(name));
    return tree;
  }

  private static Content sparse(long size, long position, int length) {
    return new Content() {
      @Override
      public long size() {
        return size;
      }

      @Override
      public void read(long from, ByteBuffer target) {
        for (long at = from; target.hasRemaining(); at++) {
          boolean data = at >= position && at < position + length;
          target.put((byte) (data ? 1 + at % 100 : 0));
        }
      }

      @Override
      public List<DataRange> dataRanges() {
        return length == 0 ? List.of() : List.of(new DataRange(position, length));
      }
    };
  }

  @Test
  void attributesAndListsArriveByteForByte() throws Exception {
    Command.require("getfattr");
    Command.require("getfacl");
    byte[] acl =
        HexFormat.of()
            .parseHex(
                "02000000"
                    + "01000600ffffffff"
                    + "02000400d2040000"
                    + "04000400ffffffff"
                    + "10000600ffffffff"
                    + "20000400ffffffff");
    byte[] capability = HexFormat.of().parseHex("0100000280000000000000000000000000000000");
    Map<String, byte[]> values =
        Map.of(
            "user.bytes", new byte[] {1, 0, '\n', '=', -1},
            "user.empty", new byte[0],
            "user.a=b%c", new byte[] {7},
            "security.capability", capability,
            "system.posix_acl_access", acl);
    Attributes attributes = new Attributes(0664, 0, 0, Trees.TIME, Xattrs.of(values));
    Trees.file(tree, root, "file", attributes, ByteContent.of("x"));
    Path out = extract(tree);
    for (Map.Entry<String, byte[]> entry : values.entrySet()) {
      String value =
          Command.of(
                  "getfattr",
                  "--absolute-names",
                  "--only-values",
                  "-n",
                  entry.getKey(),
                  out.resolve("file"))
              .run()
              .orThrow()
              .output();
      assertThat(value.getBytes(StandardCharsets.ISO_8859_1)).isEqualTo(entry.getValue());
    }
    String list =
        Command.of("getfacl", "--absolute-names", "-n", out.resolve("file"))
            .run()
            .orThrow()
            .output();
    assertThat(list).contains("user:1234:r--").contains("mask::rw-");
    assertThat(Listing.of(tree).differences(Host.list(out))).isEmpty();
  }

  @Test
  void ourOwnReaderReadsEveryEntry() throws Exception {
    Xattrs xattrs = Xattrs.of(Map.of("user.x", new byte[] {0, 1}));
    Attributes attributes = new Attributes(04755, 4_294_967_294L, 2_097_152, Trees.TIME, xattrs);
    RegularFile file = Trees.file(tree, root, "a".repeat(150), attributes, ByteContent.of("hello"));
    root.put(Name.of("b"), file);
    Path archive = directory.resolve("tree.tar");
    Files.write(archive, write(tree));
    try (FileChannel channel = FileChannel.open(archive)) {
      TarReader reader = new TarReader(channel);
      TarEntry top = reader.next().orElseThrow();
      assertThat(top.displayName()).isEqualTo("./");
      assertThat(top.type()).isEqualTo(TarEntry.Type.DIRECTORY);
      TarEntry first = reader.next().orElseThrow();
      assertThat(first.displayName()).isEqualTo("./" + "a".repeat(150));
      assertThat(first.permissions()).isEqualTo(04755);
      assertThat(first.uid()).isEqualTo(4_294_967_294L);
      assertThat(first.gid()).isEqualTo(2_097_152);
      assertThat(first.mtime()).isEqualTo(Trees.TIME);
      assertThat(first.size()).isEqualTo(5);
      assertThat(first.xattrs()).containsOnlyKeys("user.x");
      TarEntry link = reader.next().orElseThrow();
      assertThat(link.type()).isEqualTo(TarEntry.Type.HARD_LINK);
      assertThat(Name.text(link.linkName())).isEqualTo(first.displayName());
      assertThat(reader.next()).isEmpty();
    }
  }

  @Test
  void sizesFrom8GibOnStandInAPaxRecord() {
    Trees.file(tree, root, "large", Trees.plain(), Trees.content(9L << 30, 1));
    ByteArrayOutputStream front = new ByteArrayOutputStream();
    OutputStream cut =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            if (front.size() == 8192) {
              throw new IOException("enough");
            }
            front.write(b);
          }
        };
    assertThatThrownBy(() -> TarWriter.write(tree, cut)).hasMessage("enough");
    assertThat(front.toString(StandardCharsets.ISO_8859_1)).contains(" size=9663676416\n");
  }

  @Test
  void sameTreeGivesTheSameBytes() throws Exception {
    assertThat(write(Trees.random(5))).isEqualTo(write(Trees.random(5)));
  }

  @Test
  void pathsThatNoProgramCouldExtractAreRefused() throws Exception {
    Directory at = root;
    for (int i = 0; i < 20; i++) {
      at = Trees.directory(tree, at, "x".repeat(255));
    }
    assertThatThrownBy(() -> write(tree))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("at most 4096");
  }
}
