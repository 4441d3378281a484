package dev.nexrootfs.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Tar;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageLayoutTest {
  private static final Platform AMD64 = Platform.parse("linux/amd64");
  private static final Platform ARM64 = Platform.parse("linux/arm64");

  @TempDir Path directory;
  private final byte[] tar = new Tar().file("f", "x").bytes();

  @Test
  void imageHasItsLayersAndItsTime() throws Exception {
    Image image =
        ImageLayout.open(
            OciImages.in(directory).layer(tar).layer(new Tar().bytes()).write(), "", AMD64);
    assertThat(image.layers()).hasSize(2);
    assertThat(image.layers().get(0).diffId()).isEqualTo(Digest.sha256(tar));
    assertThat(image.config().createdAt()).contains(Instant.parse(OciImages.CREATED));
  }

  @Test
  void indexIsSearchedForThePlatformThroughNestedIndexes() throws Exception {
    OciImages layout = OciImages.in(directory).layer(tar);
    layout.write();
    String amd64 = index().replaceFirst("(?s).*\"manifests\":\\[(.*)\\]\\}", "$1");
    String attestation =
        amd64.replaceFirst(
            "\\{", "{\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"},");
    String nested =
        layout.blob(
            "application/vnd.oci.image.index.v1+json",
            "{\"schemaVersion\":2,\"manifests\":["
                + attestation
                + ","
                + amd64.replaceFirst(
                    "\\{", "{\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"},")
                + "]}");
    layout.write("index.json", "{\"schemaVersion\":2,\"manifests\":[" + nested + "]}");
    assertThat(ImageLayout.open(directory, "", AMD64).layers()).hasSize(1);
    assertThatThrownBy(() -> ImageLayout.open(directory, "", ARM64))
        .isInstanceOf(ImageNotFoundException.class)
        .hasMessageContainingAll("linux/arm64", "linux/amd64");
  }

  @Test
  void platformIsComparedWithTheConfigWhereTheIndexHasNone() throws Exception {
    OciImages.in(directory).architecture("arm64").layer(tar).write();
    assertThat(ImageLayout.open(directory, "", ARM64).layers()).hasSize(1);
    assertThatThrownBy(() -> ImageLayout.open(directory, "", AMD64))
        .isInstanceOf(ImageNotFoundException.class)
        .hasMessageContaining("linux/arm64");
  }

  @Test
  void severalImagesNeedAChoice() throws Exception {
    OciImages.in(directory).layer(tar).layer(tar).write();
    String other = entry();
    OciImages.in(directory).layer(tar).write();
    String a = named(entry(), "a");
    writeIndex(a, named(other, "b"));
    assertThat(ImageLayout.open(directory, "b", AMD64).layers()).hasSize(2);
    notFound("", "a, b");
    notFound("c", "a, b");
  }

  @Test
  void imageOfTwoTagsIsOneImageAndWhatIsSaidOfItIsNone() throws Exception {
    OciImages.in(directory).layer(tar).write();
    writeIndex(named(entry(), "a"), named(entry(), "b"));
    assertThat(ImageLayout.open(directory, "", AMD64).layers()).hasSize(1);
    String attestation =
        "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"size\":2,\"digest\":\""
            + Digest.sha256(new byte[] {1})
            + "\",\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"},"
            + "\"platform\":{\"architecture\":\"unknown\",\"os\":\"unknown\"}}";
    writeIndex(named(entry(), "a"), attestation);
    assertThat(ImageLayout.open(directory, "", AMD64).layers()).hasSize(1);
  }

  /** What the index has of its one image. */
  private String entry() throws Exception {
    return index().replaceFirst("(?s).*\"manifests\":\\[(.*)\\]\\}", "$1");
  }

  private static String named(String entry, String tag) {
    return entry.replaceFirst(
        "\\{", "{\"annotations\":{\"org.opencontainers.image.ref.name\":\"" + tag + "\"},");
  }

  private void writeIndex(String... entries) throws Exception {
    Files.writeString(
        directory.resolve("index.json"),
        "{\"schemaVersion\":2,\"manifests\":[" + String.join(",", entries) + "]}");
  }

  @Test
  void malformedDocumentsAreRefusedByName() throws Exception {
    OciImages layout = OciImages.in(directory).layer(tar);
    notFoundDirectory();
    layout.write();
    String good = index();
    for (String bad :
        new String[] {
          "",
          "{",
          "null",
          "[]",
          "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:../../etc/passwd\",\"size\":1}]}",
          "{\"schemaVersion\":2,\"manifests\":[{\"size\":1}]}",
          good.replaceFirst("\"size\":\\d+", "\"size\":-1")
        }) {
      Files.writeString(directory.resolve("index.json"), bad);
      assertThatThrownBy(() -> ImageLayout.open(directory, "", AMD64))
          .as(bad)
          .isInstanceOf(InvalidImageException.class)
          .hasMessageContaining("index.json");
    }
    Files.writeString(
        directory.resolve("index.json"), good.replaceFirst("\"size\":\\d+", "\"size\":99999999"));
    assertThatThrownBy(() -> ImageLayout.open(directory, "", AMD64))
        .isInstanceOf(InvalidImageException.class);
    Files.writeString(
        directory.resolve("index.json"), good.replaceFirst("\"size\":\\d+", "\"size\":5"));
    assertThatThrownBy(() -> ImageLayout.open(directory, "", AMD64))
        .isInstanceOf(DigestMismatchException.class);
  }

  @Test
  void valueOfAnotherTypeIsToldByItsPlace() throws Exception {
    OciImages layout = OciImages.in(directory).layer(tar);
    layout.write();
    Map<String, String> messages =
        Map.of(
            "{\"schemaVersion\":2,\"manifests\":[{\"size\":{}}]}",
                "index.json manifests[0].size: not",
            "{\"schemaVersion\":2,\"manifests\":\"all\"}", "index.json manifests: not",
            "[]", "index.json: not");
    for (Map.Entry<String, String> entry : messages.entrySet()) {
      layout.write("index.json", entry.getKey());
      assertThatThrownBy(() -> ImageLayout.open(directory, "", AMD64))
          .isInstanceOf(InvalidImageException.class)
          .hasMessageContaining(entry.getValue())
          .hasMessageNotContaining("java.");
    }
  }

  @Test
  void documentThatIsBothManifestAndIndexIsRefused() throws Exception {
    OciImages layout = OciImages.in(directory).layer(tar);
    String both =
        layout.blob(
            "application/vnd.oci.image.manifest.v1+json",
            "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[],\"config\":{\"digest\":\""
                + Digest.sha256(tar)
                + "\",\"size\":1}}");
    String old =
        layout.blob(
            "application/vnd.docker.distribution.manifest.v1+json",
            "{\"schemaVersion\":1,\"fsLayers\":[]}");
    layout.write();
    Map<String, String> messages =
        Map.of(both, "neither an image manifest nor an index", old, "manifest of schema 1");
    for (Map.Entry<String, String> entry : messages.entrySet()) {
      layout.write("index.json", "{\"schemaVersion\":2,\"manifests\":[" + entry.getKey() + "]}");
      assertThatThrownBy(() -> ImageLayout.open(directory, "", AMD64))
          .isInstanceOf(InvalidImageException.class)
          .hasMessageContaining(entry.getValue());
    }
  }

  @Test
  void documentsWithHolesAreRefused() throws Exception {
    OciImages layout = OciImages.in(directory).layer(tar);
    layout.write();
    String config =
        layout.blob(
            "application/vnd.oci.image.config.v1+json",
            "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[null]}}");
    String manifest =
        layout.blob(
            "application/vnd.oci.image.manifest.v1+json",
            "{\"schemaVersion\":2,\"config\":" + config + ",\"layers\":[null]}");
    String noNull =
        layout.blob(
            "application/vnd.oci.image.manifest.v1+json",
            "{\"schemaVersion\":2,\"config\":" + config + ",\"layers\":[" + config + "]}");
    for (String manifests : new String[] {"null", manifest, noNull}) {
      layout.write("index.json", "{\"schemaVersion\":2,\"manifests\":[" + manifests + "]}");
      assertThatThrownBy(() -> ImageLayout.open(directory, "", AMD64))
          .isInstanceOf(InvalidImageException.class);
    }
  }

  @Test
  void indexesThatNameEachOtherManyTimesAreReadOnce() throws Exception {
    OciImages layout = OciImages.in(directory).architecture("arm64").layer(tar);
    layout.write();
    String entry = index().replaceFirst("(?s).*\"manifests\":\\[(.*)\\]\\}", "$1");
    for (int level = 0; level < 4; level++) {
      String many = String.join(",", java.util.Collections.nCopies(300, entry));
      entry =
          layout.blob(
              "application/vnd.oci.image.index.v1+json",
              "{\"schemaVersion\":2,\"manifests\":[" + many + "]}");
    }
    layout.write("index.json", "{\"schemaVersion\":2,\"manifests\":[" + entry + "]}");
    assertThatThrownBy(() -> ImageLayout.open(directory, "", AMD64))
        .isInstanceOf(ImageNotFoundException.class)
        .hasMessageContaining("there is linux/arm64");
  }

  @Test
  void timesOfYearOneAndOfYear9999AreNoTimes() throws Exception {
    ImageConfig none = new ImageConfig("linux", "amd64", null, "0001-01-01T00:00:00Z", null, null);
    assertThat(none.createdAt()).isEmpty();
    assertThat(
            new ImageConfig("linux", "amd64", null, "9999-01-01T00:00:00Z", null, null).createdAt())
        .isEmpty();
  }

  @Test
  void ofAVariableThatIsThereTwiceTheLaterCountsAndWhatIsNoneSetsNothing() throws Exception {
    OciImages.in(directory)
        .config(
            "{\"Env\":[\"A=1\",\"B=x=y\",\"A=2\",\"NAME\",\"=value\",null,\"E=\"],\"User\":\"7\"}")
        .layer(tar)
        .write();
    assertThat(ImageLayout.open(directory, "", AMD64).config().environment())
        .containsExactly(Map.entry("A", "2"), Map.entry("B", "x=y"), Map.entry("E", ""));
  }

  @Test
  void archiveOfALayoutIsReadInPlace() throws Exception {
    OciImages.in(directory.resolve("layout")).layer(tar).write();
    Path archive = directory.resolve("layout.tar");
    Command.of("tar", "-C", directory.resolve("layout"), "-cf", archive, ".").run().orThrow();
    Image image = ImageArchive.open(archive, "", AMD64);
    assertThat(image.blobs().read(image.layers().get(0).blob(), 1 << 20))
        .isEqualTo(OciImages.gzip(tar));
    image.blobs().close();
  }

  @Test
  void archiveThatStoresABlobWithoutItsHolesIsRefusedByName() throws Exception {
    Path layout = directory.resolve("layout");
    OciImages.in(layout).layer(tar).write();
    Path hollow = layout.resolve("hollow");
    Command.of("truncate", "-s", "1M", hollow).run().orThrow();
    Path archive = directory.resolve("layout.tar");
    Command.of("tar", "-C", layout, "--sparse", "-cf", archive, ".").run().orThrow();
    // What nobody asks for does no harm; as the index it would be read.
    ImageArchive.open(archive, "", AMD64).blobs().close();
    Files.move(hollow, layout.resolve("index.json"), StandardCopyOption.REPLACE_EXISTING);
    Command.of("tar", "-C", layout, "--sparse", "-cf", archive, ".").run().orThrow();
    assertThatThrownBy(() -> ImageArchive.open(archive, "", AMD64))
        .isInstanceOf(InvalidImageException.class)
        .hasMessageContaining("index.json is stored without its holes");
  }

  @Test
  void layerOfManyNamesIsHashedOnceAndOnlyAsLongAsItIsWanted() throws Exception {
    AtomicInteger questions = new AtomicInteger();
    ImageArchive.open(
            FileChannel.open(dockerArchive(AMD64)),
            "docker.tar",
            "",
            AMD64,
            questions::incrementAndGet)
        .blobs()
        .close();
    assertThat(questions.get()).isEqualTo((tar.length + (1 << 16) - 1) >> 16);
    assertThatThrownBy(
            () ->
                ImageArchive.open(
                    FileChannel.open(dockerArchive(AMD64)),
                    "docker.tar",
                    "",
                    AMD64,
                    () -> {
                      throw new CancellationException();
                    }))
        .isInstanceOf(CancellationException.class);
  }

  @Test
  void archiveWhoseNamesWouldFillTheMemoryIsRefused() throws Exception {
    Tar long1 = new Tar();
    for (int i = 0; i < 20; i++) {
      long1.pax('x', "path", i + "n".repeat((1 << 20) - 100)).file("f", "");
    }
    Path archive = Files.write(directory.resolve("names.tar"), long1.bytes());
    assertThatThrownBy(() -> ImageArchive.open(archive, "", AMD64))
        .isInstanceOf(InvalidImageException.class)
        .hasMessageContaining("names of more than");
  }

  @Test
  void dockerArchiveWithLinkedLayersAndSeveralTags() throws Exception {
    Image image = ImageArchive.open(dockerArchive(AMD64), "latest", AMD64);
    assertThat(image.layers()).hasSize(2);
    assertThat(image.layers().get(0).blob()).isEqualTo(image.layers().get(1).blob());
    assertThat(image.blobs().read(image.layers().get(1).blob(), 1 << 20)).isEqualTo(tar);
    image.blobs().close();
    for (String name : new String[] {"", "example/image:latest", "image:latest"}) {
      ImageArchive.open(dockerArchive(AMD64), name, AMD64).blobs().close();
    }
    assertThatThrownBy(() -> ImageArchive.open(dockerArchive(AMD64), "other", AMD64))
        .isInstanceOf(ImageNotFoundException.class)
        .hasMessageContaining("example/image:latest");
    assertThatThrownBy(() -> ImageArchive.open(dockerArchive(AMD64), "", ARM64))
        .isInstanceOf(ImageNotFoundException.class);
  }

  @Test
  void archiveThatIsNoImageIsRefused() throws Exception {
    Path file = directory.resolve("x.tar");
    for (byte[] bytes :
        new byte[][] {
          tar, new byte[0], "no tar at all".getBytes(StandardCharsets.UTF_8), new byte[10_000]
        }) {
      Files.write(file, bytes);
      assertThatThrownBy(() -> ImageArchive.open(file, "", AMD64))
          .isInstanceOf(InvalidImageException.class);
    }
    assertThatThrownBy(() -> ImageArchive.open(directory.resolve("none.tar"), "", AMD64))
        .isInstanceOf(ImageNotFoundException.class);
  }

  private Path dockerArchive(Platform platform) throws IOException {
    String diffId = "\"" + Digest.sha256(tar) + "\"";
    String config =
        "{\"architecture\":\""
            + platform.architecture()
            + "\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["
            + diffId
            + ","
            + diffId
            + "]}}";
    Tar archive =
        new Tar()
            .file("one/layer.tar", tar)
            .link("two/layer.tar", "../one/layer.tar")
            .file("config.json", config)
            .file(
                "manifest.json",
                "[{\"Config\":\"config.json\",\"RepoTags\":[\"example/image:latest\"],\"Layers\":[\"one/layer.tar\",\"two/layer.tar\"]}]");
    Path file = directory.resolve("docker.tar");
    Files.write(file, archive.bytes());
    return file;
  }

  private void notFound(String tag, String part) {
    assertThatThrownBy(() -> ImageLayout.open(directory, tag, AMD64))
        .isInstanceOf(ImageNotFoundException.class)
        .hasMessageContaining(part);
  }

  private void notFoundDirectory() {
    assertThatThrownBy(() -> ImageLayout.open(directory, "", AMD64))
        .isInstanceOf(ImageNotFoundException.class)
        .hasMessageContaining("oci-layout");
  }

  private String index() throws IOException {
    return Files.readString(directory.resolve("index.json"));
  }

  @Test
  void directoryIsNoArchiveAndIsToldHowItIsNamed() {
    assertThatThrownBy(() -> ImageArchive.open(directory, "", AMD64))
        .isInstanceOf(ImageNotFoundException.class)
        .hasMessage(directory + ": is a directory; an image layout is named oci:" + directory);
  }
}
