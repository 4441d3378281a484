package dev.nexrootfs.tar;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.LayerMerge;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Host;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.TreePath;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What GNU tar writes of a directory is read as that directory: random trees with holes, links,
 * fifos, attributes and lists, in each of its formats.
 */
class TarDifferentialIT {
  private static final int ENTRIES = 40;

  @TempDir Path directory;
  private final List<DecodedLayer> opened = new ArrayList<>();

  @AfterEach
  void closeLayers() throws IOException {
    for (DecodedLayer layer : opened) {
      layer.close();
    }
  }

  static Stream<Arguments> formatsAndSeeds() {
    return Stream.of(
            List.of("--format=v7"),
            List.of("--format=ustar"),
            List.of("--format=oldgnu", "--sparse"),
            List.of("--format=gnu", "--sparse"),
            List.of("--format=pax", "--xattrs", "--acls", "--numeric-owner"),
            List.of("--format=posix", "--sparse", "--sparse-version=0.0", "--xattrs"),
            List.of("--format=pax", "--sparse", "--sparse-version=0.1", "--xattrs"),
            List.of("--format=pax", "--sparse", "--sparse-version=1.0", "--xattrs", "--acls"))
        .flatMap(options -> Stream.of(1L, 2L, 3L).map(seed -> Arguments.of(options, seed)));
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("formatsAndSeeds")
  void archiveOfARandomDirectoryIsReadAsTheDirectory(List<String> options, long seed)
      throws Exception {
    Path root = Files.createDirectories(directory.resolve("root"));
    boolean exact = options.get(0).contains("pax") || options.get(0).contains("posix");
    new RandomDirectory(seed, isOld(options), exact).fill(root);
    Path archive = write(root, options);
    FileTree tree = merge(archive);
    Listing expected = Host.list(root);
    assertThat(Listing.of(tree).differences(expected)).as("seed %d", seed).isEmpty();
    if (options.contains("--acls")) {
      assertAttributesAreThoseOf(root, tree);
    }
  }

  /** It does not read every map of old GNU format. */
  static Stream<Arguments> formatsOfCommonsCompress() {
    return formatsAndSeeds().filter(arguments -> !arguments.get()[0].toString().contains("gnu"));
  }

  @ParameterizedTest(name = "{0}, seed {1}")
  @MethodSource("formatsOfCommonsCompress")
  void commonsCompressReadsTheSameContent(List<String> options, long seed) throws Exception {
    Path root = Files.createDirectories(directory.resolve("root"));
    new RandomDirectory(seed, isOld(options), true).fill(root);
    Path archive = write(root, options);
    FileTree tree = merge(archive);
    int files = 0;
    try (TarArchiveInputStream in =
        new TarArchiveInputStream(
            new BufferedInputStream(Files.newInputStream(archive)), "UTF-8")) {
      for (TarArchiveEntry next = in.getNextEntry(); next != null; next = in.getNextEntry()) {
        Node node =
            tree.find(TreePath.parse(next.getName().getBytes(StandardCharsets.UTF_8)))
                .orElseThrow();
        // Its map of format 1.0 is wrong where it fills whole blocks.
        if (node instanceof RegularFile file && !next.isLink() && !next.isPaxGNU1XSparse()) {
          assertThat(Listing.sha256(file.content())).isEqualTo(sha256(in));
          files++;
        }
      }
    }
    assertThat(files).isGreaterThan(3);
  }

  @ParameterizedTest
  @ValueSource(ints = {20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 64, 2000})
  void mapsOfEveryLengthAroundABlockAreRead(int segments) throws Exception {
    Path root = Files.createDirectories(directory.resolve("root"));
    Path file = root.resolve("sparse");
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      for (int i = 0; i < segments; i++) {
        out.seek(i * 100_000_000L / 8192 * 8192);
        out.write(("segment " + i).getBytes(StandardCharsets.US_ASCII));
      }
    }
    for (String version : List.of("0.0", "0.1", "1.0", "oldgnu")) {
      List<String> options =
          version.equals("oldgnu")
              ? List.of("--sparse", "--format=gnu")
              : List.of("--sparse", "--format=pax", "--sparse-version=" + version);
      RegularFile read =
          (RegularFile) merge(write(root, options)).find(TreePath.of("/sparse")).orElseThrow();
      assertThat(read.content().size()).isEqualTo(Files.size(file));
      assertThat(read.content().dataRanges()).hasSizeGreaterThanOrEqualTo(segments);
      for (int i = 0; i < segments; i++) {
        byte[] text = ("segment " + i).getBytes(StandardCharsets.US_ASCII);
        java.nio.ByteBuffer bytes = java.nio.ByteBuffer.allocate(text.length);
        read.content().read(i * 100_000_000L / 8192 * 8192, bytes);
        assertThat(bytes.array()).isEqualTo(text);
      }
    }
  }

  @Test
  void aclWithANameThatHasNoNumberIsRefused() throws Exception {
    Path root = Files.createDirectories(directory.resolve("root"));
    Path file = Files.writeString(root.resolve("f"), "x");
    Assumptions.assumeTrue(
        Command.of("setfacl", "-m", "u:1:r", file).run().exit() == 0, "needs setfacl and ACLs");
    Path archive = write(root, List.of("--format=pax", "--acls"));
    assertThat(org.assertj.core.api.Assertions.catchThrowable(() -> merge(archive)))
        .hasMessageContaining("entry \"./f\": PAX SCHILY.acl.access: \"user:daemon:r--\"");
  }

  private void assertAttributesAreThoseOf(Path root, FileTree tree) throws IOException {
    for (String path : Listing.of(tree).lines().keySet()) {
      Path file = root.resolve(path);
      if (Files.isRegularFile(file) || Files.isDirectory(file)) {
        Node node = tree.find(TreePath.of("/" + path)).orElseThrow();
        assertThat(names(node)).as(path).containsExactlyInAnyOrderElementsOf(namesOf(file));
        for (Map.Entry<String, byte[]> xattr : node.attributes().xattrs().asMap().entrySet()) {
          String value =
              Command.of(
                      "getfattr", "-n", xattr.getKey(), "--only-values", "--absolute-names", file)
                  .run()
                  .orThrow()
                  .output();
          assertThat(value.getBytes(StandardCharsets.ISO_8859_1)).isEqualTo(xattr.getValue());
        }
      }
    }
  }

  private static List<String> names(Node node) {
    return List.copyOf(node.attributes().xattrs().asMap().keySet());
  }

  private static List<String> namesOf(Path file) {
    String output =
        Command.of("getfattr", "-m", "-", "--absolute-names", file).run().orThrow().output();
    return output
        .lines()
        .filter(line -> !line.isEmpty() && !line.startsWith("#"))
        .map(line -> line.replace("\\075", "="))
        .toList();
  }

  private Path write(Path root, List<String> options) {
    Path archive = directory.resolve("archive.tar");
    List<Object> words = new ArrayList<>(List.of("tar"));
    words.addAll(options);
    words.addAll(List.of("-C", root, "-cf", archive, "."));
    Command.of(words.toArray()).run().orThrow();
    return archive;
  }

  private static boolean isOld(List<String> options) {
    return options.get(0).contains("v7") || options.get(0).contains("ustar");
  }

  private FileTree merge(Path archive) throws IOException {
    LayerMerge merge = new LayerMerge();
    opened.add(new DecodedLayer(Digest.sha256(new byte[0]), FileChannel.open(archive)));
    merge.add(opened.get(opened.size() - 1));
    return merge.tree();
  }

  private static String sha256(InputStream in) throws IOException {
    java.security.MessageDigest computation = Digest.newSha256();
    byte[] buffer = new byte[1 << 16];
    for (int got = in.read(buffer); got >= 0; got = in.read(buffer)) {
      computation.update(buffer, 0, got);
    }
    return java.util.HexFormat.of().formatHex(computation.digest());
  }

  /** A directory filled at random, the same for the same seed. */
  private static final class RandomDirectory {
    private final Random random;
    private final boolean plain;
    private final boolean exact;

    /**
     * {@code plain} where only files, directories and links can be archived; {@code exact} where
     * times are kept to the nanosecond.
     */
    RandomDirectory(long seed, boolean plain, boolean exact) {
      this.random = new Random(seed);
      this.plain = plain;
      this.exact = exact;
    }

    void fill(Path root) throws IOException {
      List<Path> directories = new ArrayList<>(List.of(root));
      List<Path> files = new ArrayList<>();
      for (int i = 0; i < ENTRIES; i++) {
        Path parent = directories.get(random.nextInt(directories.size()));
        Path path = parent.resolve(name(i));
        switch (random.nextInt(plain ? 7 : 8)) {
          case 0 -> directories.add(Files.createDirectory(path));
          case 1 -> Files.createSymbolicLink(path, Path.of("t".repeat(1 + random.nextInt(90))));
          case 2 ->
              Files.createLink(path, files.isEmpty() ? add(files, file(path, i)) : any(files));
          case 3 -> add(files, sparse(path));
          case 7 -> Command.of("mkfifo", path).run().orThrow();
          default -> add(files, file(path, i));
        }
        setAttributes(path);
      }
      String times =
          exact
              ? "find \"$0\" -depth -exec touch -h -d @$1.123456789 {} +"
              : "find \"$0\" -depth -exec touch -h -d @$1 {} +";
      Command.of("sh", "-c", times, root, random.nextInt(2_000_000_000)).run().orThrow();
    }

    private String name(int i) {
      String end =
          switch (random.nextInt(plain ? 2 : 4)) {
            case 0 -> "";
            case 1 -> " \\ \u00e4";
            case 2 -> "n".repeat(100);
            default -> "m".repeat(200);
          };
      return i + end;
    }

    private static Path any(List<Path> files) {
      return files.get(files.size() / 2);
    }

    private static Path add(List<Path> files, Path file) {
      files.add(file);
      return file;
    }

    private Path file(Path path, int i) throws IOException {
      byte[] content = new byte[random.nextInt(5) * 512 + random.nextInt(3)];
      Arrays.fill(content, (byte) i);
      return Files.write(path, content);
    }

    private Path sparse(Path path) throws IOException {
      try (RandomAccessFile out = new RandomAccessFile(path.toFile(), "rw")) {
        for (int i = random.nextInt(30); i > 0; i--) {
          out.seek(random.nextInt(4_000_000));
          out.write(new byte[] {1, 2, 3});
        }
        out.setLength(Math.max(out.length(), random.nextInt(5_000_000)));
      }
      return path;
    }

    private void setAttributes(Path path) {
      if (plain || Files.isSymbolicLink(path)) {
        return;
      }
      Command.of("chmod", Integer.toOctalString(0400 | random.nextInt(010000)), path).run();
      if (Files.isRegularFile(path) && random.nextBoolean()) {
        Command.of("setfattr", "-n", "user.a=b%", "-v", "0x00ff0a" + random.nextInt(10) + "0", path)
            .run();
        Command.of("setfacl", "-m", "u:12345:r,g:54321:rwx", path).run();
      }
      if (Files.isDirectory(path) && random.nextBoolean()) {
        Command.of("setfacl", "-d", "-m", "u:12345:r", path).run();
      }
    }
  }
}
