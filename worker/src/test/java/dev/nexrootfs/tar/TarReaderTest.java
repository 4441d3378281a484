package dev.nexrootfs.tar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Tar;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TarReaderTest {
  @TempDir Path directory;

  @Test
  void entriesOfEveryTypeWithOffsets() throws Exception {
    byte[] archive =
        new Tar()
            .directory("d/")
            .file("d/f", "hello")
            .link("l", "d/f")
            .hardLink("h", "d/f")
            .entry("c", '3', 0600, 0, 0, "")
            .entry("b", '4', 0600, 0, 0, "")
            .entry("p", '6', 04755, 0, 0, "")
            .bytes();
    List<TarEntry> entries = read(archive);
    assertThat(entries)
        .extracting(TarEntry::type)
        .containsExactly(
            TarEntry.Type.DIRECTORY,
            TarEntry.Type.REGULAR,
            TarEntry.Type.SYMBOLIC_LINK,
            TarEntry.Type.HARD_LINK,
            TarEntry.Type.CHARACTER_DEVICE,
            TarEntry.Type.BLOCK_DEVICE,
            TarEntry.Type.FIFO);
    TarEntry file = entries.get(1);
    assertThat(
            new String(archive, (int) file.offset(), (int) file.size(), StandardCharsets.US_ASCII))
        .isEqualTo("hello");
    assertThat(entries.get(4).major()).isEqualTo(1);
    assertThat(entries.get(4).minor()).isEqualTo(3);
    assertThat(entries.get(6).permissions()).isEqualTo(04755);
  }

  @Test
  void paxValuesAreBytes() throws Exception {
    String capability =
        new String(
            new byte[] {1, 0, 0, 2, (byte) 0x80, 0, (byte) 0xFF, '\n', 0},
            StandardCharsets.ISO_8859_1);
    TarEntry entry =
        only(
            new Tar()
                .pax(
                    'x',
                    "path",
                    "n\u00ffame",
                    "uid",
                    "4294967294",
                    "mtime",
                    "-1.000000001",
                    "SCHILY.xattr.security.capability",
                    capability)
                .file("short", "x")
                .bytes());
    assertThat(entry.name()).isEqualTo(new byte[] {'n', (byte) 0xFF, 'a', 'm', 'e'});
    assertThat(entry.uid()).isEqualTo(4_294_967_294L);
    assertThat(entry.mtime()).isEqualTo(Instant.ofEpochSecond(-2, 999_999_999));
    assertThat(entry.xattrs().get("security.capability"))
        .isEqualTo(capability.getBytes(StandardCharsets.ISO_8859_1));
  }

  @Test
  void globalPaxHeaderHoldsUntilTheEntrysOwn() throws Exception {
    List<TarEntry> entries =
        read(
            new Tar()
                .pax('g', "uid", "5", "gid", "6")
                .file("a", "")
                .pax('x', "uid", "7")
                .file("b", "")
                .file("c", "")
                .bytes());
    assertThat(entries).extracting(TarEntry::uid).containsExactly(5L, 7L, 5L);
    assertThat(entries).extracting(TarEntry::gid).containsExactly(6L, 6L, 6L);
  }

  @Test
  void gnuLongNamesAndBase256Numbers() throws Exception {
    String name = "d/" + "n".repeat(300);
    TarEntry entry =
        only(
            new Tar()
                .gnuLong('L', name)
                .gnuLong('K', "t".repeat(400))
                .entry("short", '2', 0777, 4_294_967_294L, 2_097_152, "cut")
                .bytes());
    assertThat(entry.displayName()).isEqualTo(name);
    assertThat(entry.linkName()).hasSize(400);
    assertThat(entry.uid()).isEqualTo(4_294_967_294L);
    assertThat(entry.gid()).isEqualTo(2_097_152);
  }

  @Test
  void headerOnlyTypesHaveNoContentWhateverTheirSizeSays() throws Exception {
    List<TarEntry> entries =
        read(
            new Tar()
                .file("f", "x")
                .raw(Tar.header("h", '1', 0644, 0, 0, 4096, "f"))
                .raw(Tar.header("d", '5', 0755, 0, 0, 99, ""))
                .file("g", "y")
                .bytes());
    assertThat(entries).extracting(TarEntry::displayName).containsExactly("f", "h", "d", "g");
  }

  @Test
  void fileTypeWithATrailingSlashIsADirectory() throws Exception {
    assertThat(only(new Tar().entry("old/", '0', 0755, 0, 0, "").bytes()).type())
        .isEqualTo(TarEntry.Type.DIRECTORY);
  }

  @Test
  void archiveMayEndWithoutItsMarkAndMayHaveMoreAfterIt() throws Exception {
    Tar tar = new Tar().file("a", "1");
    assertThat(read(tar.unfinished())).hasSize(1);
    assertThat(read(Arrays.copyOf(tar.bytes(), 10_240 * 3))).hasSize(1);
  }

  @Test
  void archiveThatIsCutOffAnywhereIsRefusedOrEndsAtAnEntry() throws Exception {
    byte[] archive = new Tar().directory("d/").pax('x', "path", "long").file("f", "hello").bytes();
    for (int length = 0; length < archive.length; length += 100) {
      byte[] part = Arrays.copyOf(archive, length);
      if (length > 512 && length < 4 * 512 + 5) {
        assertThatThrownBy(() -> read(part))
            .as("%d bytes", part.length)
            .isInstanceOf(TarException.class);
      }
    }
  }

  @Test
  void sizeThatTheArchiveDoesNotHaveIsRefused() {
    refused(
        new Tar().raw(Tar.header("f", '0', 0644, 0, 0, 1L << 40, "")).bytes(), "cut off or lies");
    refused(
        new Tar().pax('x', "size", "9223372036854775807").file("f", "").bytes(), "cut off or lies");
    refused(new Tar().pax('x', "size", "-1").file("f", "").bytes(), "cut off or lies");
  }

  @Test
  void changedHeaderIsRefused() {
    byte[] archive = new Tar().file("f", "x").bytes();
    archive[3] ^= 1;
    refused(archive, "checksum");
  }

  @Test
  void chainOf20000ExtensionHeadersIsRefused() {
    Tar tar = new Tar();
    for (int i = 0; i < 20_000; i++) {
      tar.gnuLong('L', "name" + i);
    }
    refused(tar.file("f", "").bytes(), "extension headers");
  }

  @Test
  void extensionHeaderOfAGigabyteIsRefusedBeforeItIsRead() {
    refused(new Tar().raw(Tar.header("x", 'x', 0644, 0, 0, 1 << 30, "")).bytes(), "at most");
    refused(new Tar().raw(Tar.header("x", 'L', 0644, 0, 0, 1 << 30, "")).bytes(), "at most");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "x",
        "5 a=b\n",
        "99 a=b\n",
        "6 a=bc",
        "-6 a=b\n",
        "0 a=b\n",
        "9999999999999 a=b\n",
        "7 a b c\n"
      })
  void malformedPaxRecordIsRefused(String record) {
    byte[] content = record.getBytes(StandardCharsets.ISO_8859_1);
    Tar tar =
        new Tar()
            .raw(Tar.header("x", 'x', 0644, 0, 0, content.length, ""))
            .raw(Arrays.copyOf(content, content.length + (-content.length & 511)))
            .file("f", "");
    refused(tar.bytes(), "PAX record");
  }

  @Test
  void recordsThatWouldBeLostAreRefusedByName() {
    for (String key :
        List.of("SCHILY.acl.ace", "SCHILY.acl.access", "GNU.sparse.odd", "SCHILY.realsize")) {
      refused(new Tar().pax('x', key, "v").file("f", "").bytes(), key);
    }
    refused(new Tar().pax('g', "GNU.sparse.size", "5").file("f", "").bytes(), "global header");
    refused(new Tar().pax('g', "GNU.volume.filename", "f").file("f", "").bytes(), "volumes");
  }

  @Test
  void globalHeadersOfMoreThanAMebibyteInAllAreRefused() {
    Tar tar = new Tar();
    for (int i = 0; i < 12; i++) {
      tar.pax('g', "key" + i, "v".repeat(100_000));
    }
    refused(tar.file("f", "").bytes(), "global headers");
  }

  @Test
  void globalHeadersHaveAtMost65536Records() throws Exception {
    assertThat(read(globals(1 << 16))).hasSize(1);
    refused(globals((1 << 16) + 1), "global headers of more than 65536 records");
  }

  /** An archive with so many of the smallest records, in two headers. */
  private static byte[] globals(int count) {
    String[] records = new String[2 * count];
    for (int i = 0; i < count; i++) {
      records[2 * i] = Integer.toString(i, 36);
      records[2 * i + 1] = "";
    }
    int half = count / 2 * 2;
    return new Tar()
        .pax('g', Arrays.copyOfRange(records, 0, half))
        .pax('g', Arrays.copyOfRange(records, half, 2 * count))
        .file("f", "")
        .bytes();
  }

  @Test
  void globalHeaderMayBeTheLastOfAnArchiveAndAnotherMayNot() throws Exception {
    assertThat(read(new Tar().pax('g', "comment", "c").bytes())).isEmpty();
    assertThat(read(new Tar().file("f", "").pax('g', "comment", "c").bytes())).hasSize(1);
    refused(new Tar().file("f", "").pax('x', "comment", "c").bytes(), "between an extension");
  }

  @Test
  void timeThatIsNoneIsRefused() {
    byte[] header = Tar.header("f", '0', 0644, 0, 0, 0, "");
    Arrays.fill(header, 136, 148, (byte) 0x7F);
    header[136] = (byte) 0x80;
    refused(new Tar().raw(Tar.withChecksum(header)).bytes(), "mtime");
  }

  @Test
  void paxNumberWithAnExponentIsRefused() {
    refused(new Tar().pax('x', "mtime", "1e1000000000").file("f", "").bytes(), "mtime");
  }

  @Test
  void unknownTypesAndPartsOfVolumesAreRefusedByName() {
    refused(new Tar().entry("f", 'Z', 0644, 0, 0, "").bytes(), "entry \"f\": unknown type 0x5a");
    refused(new Tar().entry("f", 'M', 0644, 0, 0, "").bytes(), "entry \"f\": type 'M'");
  }

  @Test
  void labelIsSkippedAndDirectoryOfAnIncrementalArchiveIsADirectory() throws Exception {
    byte[] names = Arrays.copyOf("Yf\0\0".getBytes(StandardCharsets.US_ASCII), 512);
    List<TarEntry> entries =
        read(
            new Tar()
                .entry("label", 'V', 0, 0, 0, "")
                .raw(Tar.header("d/", 'D', 0755, 0, 0, 4, ""))
                .raw(names)
                .file("f", "x")
                .bytes());
    assertThat(entries)
        .extracting(TarEntry::type)
        .containsExactly(TarEntry.Type.DIRECTORY, TarEntry.Type.REGULAR);
  }

  @Test
  void contentOfAHardLinkIsSkippedWhereItIsThere() throws Exception {
    byte[] content = new byte[1024];
    Arrays.fill(content, (byte) 'x');
    for (byte[] body : new byte[][] {content, new byte[1024], new byte[0]}) {
      List<TarEntry> entries =
          read(
              new Tar()
                  .file("f", content)
                  .raw(Tar.header("h", '1', 0644, 0, 0, 1000, "f"))
                  .raw(body)
                  .file("g", "y")
                  .bytes());
      assertThat(entries).extracting(TarEntry::displayName).containsExactly("f", "h", "g");
    }
  }

  @Test
  void oneBlockOfZerosIsNoEnd() {
    refused(
        new Tar().file("f", "x").raw(new byte[512]).file("g", "y").bytes(), "one block of zeros");
  }

  @Test
  void attributesInTheFormsOfOtherPrograms() throws Exception {
    TarEntry entry =
        only(
            new Tar()
                .pax(
                    'x',
                    "LIBARCHIVE.xattr.user.%e4%20b",
                    "AAH/",
                    "LIBARCHIVE.xattr.user.same",
                    "YQ",
                    "SCHILY.xattr.user.same",
                    "a",
                    "SCHILY.xattr.user.e%3Dq%25",
                    "v",
                    "SCHILY.devmajor",
                    "4095")
                .entry("c", '3', 0600, 0, 0, "")
                .bytes());
    assertThat(entry.xattrs()).containsOnlyKeys("user.\u00e4 b", "user.same", "user.e=q%");
    assertThat(entry.xattrs().get("user.\u00e4 b")).isEqualTo(new byte[] {0, 1, (byte) 0xFF});
    assertThat(entry.major()).isEqualTo(4095);
    refused(
        new Tar().pax('x', "LIBARCHIVE.xattr.user.a", "*").file("f", "").bytes(),
        "entry \"f\": PAX LIBARCHIVE.xattr.user.a");
    refused(
        new Tar()
            .pax('x', "LIBARCHIVE.xattr.user.a", "AAAA", "SCHILY.xattr.user.a", "b")
            .file("f", "")
            .bytes(),
        "another value");
  }

  @ParameterizedTest
  @ValueSource(strings = {"ustar", "gnu", "pax", "v7"})
  void readsWhatGnuTarWrites(String format) throws Exception {
    Path root = Files.createDirectories(directory.resolve("root"));
    Files.writeString(root.resolve("file"), "content");
    Files.createLink(root.resolve("second-name"), root.resolve("file"));
    Files.createSymbolicLink(root.resolve("link"), Path.of("file"));
    Path below = Files.createDirectories(root.resolve("below"));
    if (!format.equals("v7")) {
      Files.writeString(below.resolve("n".repeat(90)), "x".repeat(5000));
      Command.of("mkfifo", root.resolve("fifo")).run().orThrow();
    }
    Path archive = directory.resolve("archive.tar");
    Command.of(
            "tar",
            "--format=" + format,
            "--sort=name",
            "--owner=12",
            "--group=34",
            "--numeric-owner",
            "-C",
            root,
            "-cf",
            archive,
            ".")
        .run()
        .orThrow();
    Map<String, TarEntry> entries =
        read(Files.readAllBytes(archive)).stream()
            .collect(Collectors.toMap(TarEntry::displayName, entry -> entry));
    String listed = Command.of("tar", "-tf", archive).run().orThrow().output();
    assertThat(entries.keySet()).containsExactlyInAnyOrderElementsOf(listed.lines().toList());
    assertThat(entries.values()).allSatisfy(entry -> assertThat(entry.uid()).isEqualTo(12));
    assertThat(Objects.requireNonNull(entries.get("./link")).linkName())
        .isEqualTo("file".getBytes(StandardCharsets.US_ASCII));
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
  void bytesThatWereChangedNeverDoMoreThanFail(long seed) throws Exception {
    byte[] good =
        new Tar()
            .directory("d/")
            .pax('x', "path", "p", "mtime", "1.5")
            .file("f", "hello")
            .gnuLong('L', "l")
            .link("s", "t")
            .bytes();
    Random random = new Random(seed);
    for (int i = 0; i < 500; i++) {
      byte[] changed = good.clone();
      for (int j = 0; j < 1 + random.nextInt(4); j++) {
        changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
      }
      // A right checksum lets the change reach the fields' readers.
      for (int at = 0; at + 512 <= changed.length && random.nextBoolean(); at += 512) {
        byte[] header = Arrays.copyOfRange(changed, at, at + 512);
        System.arraycopy(Tar.withChecksum(header), 0, changed, at, 512);
      }
      try {
        assertThat(read(changed).size()).isLessThan(20);
      } catch (TarException e) {
        assertThat(e.getMessage()).startsWith("tar archive, at byte ");
      }
    }
  }

  private TarEntry only(byte[] archive) throws IOException {
    List<TarEntry> entries = read(archive);
    assertThat(entries).hasSize(1);
    return entries.get(0);
  }

  private void refused(byte[] archive, String why) {
    assertThatThrownBy(() -> read(archive))
        .isInstanceOf(TarException.class)
        .hasMessageContaining(why);
  }

  private List<TarEntry> read(byte[] archive) throws IOException {
    Path file = Files.createTempFile(directory, "archive", ".tar");
    Files.write(file, archive);
    List<TarEntry> entries = new ArrayList<>();
    try (FileChannel channel = FileChannel.open(file)) {
      TarReader reader = new TarReader(channel);
      for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
        entries.add(next.get());
        ByteBuffer content = ByteBuffer.allocate((int) Math.min(next.get().size(), 1 << 20));
        assertThat(channel.read(content, next.get().offset()))
            .isGreaterThanOrEqualTo(content.capacity() == 0 ? -1 : 1);
      }
    }
    return entries;
  }
}
