package dev.nexrootfs.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.DigestMismatchException;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.ImageLayout;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.oracle.Tar;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LayerCacheTest {
  private static final long LIMIT = 1 << 20;

  @TempDir Path directory;
  private LayerCache cache;
  private final byte[] tar = new Tar().directory("d/").file("d/f", randomBytes(50_000)).bytes();

  @BeforeEach
  void openCache() throws IOException {
    cache = new LayerCache(new CacheDirectory(directory.resolve("cache"), 1L << 32), LIMIT);
  }

  @Test
  void gzipZstdAndPlainLayersDecodeToTheSameBytes() throws Exception {
    assertThat(decode(OciImages.gzip(tar))).isEqualTo(tar);
    deleteLayers();
    assertThat(decode(Zstd.compress(tar))).isEqualTo(tar);
    deleteLayers();
    assertThat(decode(tar)).isEqualTo(tar);
  }

  @Test
  void everyMemberOfAGzipIsRead() throws Exception {
    byte[] blob = new byte[0];
    for (int at = 0; at < tar.length; at += 999) {
      blob =
          concat(blob, OciImages.gzip(Arrays.copyOfRange(tar, at, Math.min(tar.length, at + 999))));
    }
    assertThat(decode(blob)).isEqualTo(tar);
  }

  @Test
  void everyFrameOfAZstdIsReadAndSkippableOnesAreSkipped() throws Exception {
    byte[] skippable = {0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3};
    byte[] blob =
        concat(
            skippable,
            concat(
                Zstd.compress(Arrays.copyOf(tar, 1000)),
                Zstd.compress(Arrays.copyOfRange(tar, 1000, tar.length))));
    assertThat(decode(blob)).isEqualTo(tar);
  }

  @Test
  void decodedLayerIsNotReadTwice() throws Exception {
    Image image = image(OciImages.gzip(tar), Digest.sha256(tar));
    cache.layer(image.layers().get(0), image.blobs(), bytes -> {}).close();
    Files.delete(
        directory
            .resolve("image/blobs/sha256")
            .resolve(image.layers().get(0).blob().digest().hex()));
    cache.layer(image.layers().get(0), image.blobs(), bytes -> {}).close();
  }

  @Test
  void layerKnowsWhetherItHasAWhiteoutAlsoWhenItWasCachedBefore() throws Exception {
    byte[] removing = new Tar().directory("d/").file("d/.wh.f", "").bytes();
    for (int time = 0; time < 2; time++) {
      assertThat(mayHaveWhiteouts(tar)).isFalse();
      assertThat(mayHaveWhiteouts(removing)).isTrue();
    }
  }

  private boolean mayHaveWhiteouts(byte[] layer) throws IOException {
    Image image = image(OciImages.gzip(layer), Digest.sha256(layer));
    try (DecodedLayer decoded = cache.layer(image.layers().get(0), image.blobs(), bytes -> {})) {
      return decoded.mayHaveWhiteouts();
    }
  }

  @Test
  void cachedLayerThatWasDamagedIsDecodedAgain() throws Exception {
    Image image = image(OciImages.gzip(tar), Digest.sha256(tar));
    cache.layer(image.layers().get(0), image.blobs(), bytes -> {}).close();
    Path cached = directory.resolve("cache/layers/sha256").resolve(Digest.sha256(tar).hex());
    byte[] changed = tar.clone();
    changed[tar.length - 2000] ^= 1;
    for (byte[] damaged : new byte[][] {changed, new byte[0], Arrays.copyOf(tar, 512)}) {
      Files.write(cached, damaged);
      cache = new LayerCache(new CacheDirectory(directory.resolve("cache"), 1L << 32), LIMIT);
      assertThat(decode(OciImages.gzip(tar))).isEqualTo(tar);
      assertThat(Files.readAllBytes(cached)).isEqualTo(tar);
    }
  }

  @Test
  void blobWithAnotherDigestIsRefusedAndLeavesNothing() throws Exception {
    byte[] blob = OciImages.gzip(tar);
    Digest other = Digest.sha256(new byte[] {1});
    Path layout =
        OciImages.in(directory.resolve("image"))
            .layer(blob, other, blob.length, Digest.sha256(tar))
            .write();
    refused(layout, DigestMismatchException.class, other.text());
  }

  @Test
  void blobOfAnotherSizeIsRefused() throws Exception {
    byte[] blob = OciImages.gzip(tar);
    for (int difference : new int[] {-1, 1}) {
      Path layout =
          OciImages.in(directory.resolve("image" + difference))
              .layer(blob, Digest.sha256(blob), blob.length + difference, Digest.sha256(tar))
              .write();
      refused(layout, DigestMismatchException.class, "promised");
    }
  }

  @Test
  void layerWithAnotherDiffIdIsRefused() throws Exception {
    Path layout =
        OciImages.in(directory.resolve("image"))
            .layer(OciImages.gzip(tar), Digest.sha256(new byte[0]))
            .write();
    refused(layout, DigestMismatchException.class, "diff_id");
  }

  @Test
  void truncatedAndCorruptCompressionIsRefused() throws Exception {
    byte[] gzip = OciImages.gzip(tar);
    byte[] corrupt = gzip.clone();
    corrupt[corrupt.length / 2] ^= 0x55;
    byte[] zstd = Zstd.compress(tar);
    int number = 0;
    for (byte[] blob :
        new byte[][] {
          Arrays.copyOf(gzip, gzip.length / 2), corrupt, Arrays.copyOf(zstd, zstd.length / 2)
        }) {
      Path layout =
          OciImages.in(directory.resolve("image" + number++))
              .layer(blob, Digest.sha256(tar))
              .write();
      refused(layout, InvalidLayerException.class, "decompressed");
    }
  }

  @Test
  void layerThatDecodesToMoreThanTheLimitIsRefused() throws Exception {
    byte[] bomb = OciImages.gzip(new byte[(int) LIMIT + 1]);
    Path layout =
        OciImages.in(directory.resolve("image"))
            .layer(bomb, Digest.sha256(new byte[(int) LIMIT + 1]))
            .write();
    refused(layout, InvalidLayerException.class, "limit");
  }

  @Test
  void spooledInputHasNoNameAndItsDigest() throws Exception {
    try (SpooledInput input = cache.spool("agent", out -> out.write(tar))) {
      assertThat(input.digest()).isEqualTo(Digest.sha256(tar));
      assertThat(input.size()).isEqualTo(tar.length);
      ByteBuffer part = ByteBuffer.allocate(100);
      input.content().read(512, part);
      assertThat(part.array()).isEqualTo(Arrays.copyOfRange(tar, 512, 612));
      assertThat(ingested()).isZero();
    }
  }

  private void refused(Path layout, Class<? extends IOException> type, String part)
      throws IOException {
    Image image = ImageLayout.open(layout, "", Platform.parse("linux/amd64"));
    assertThatThrownBy(() -> cache.layer(image.layers().get(0), image.blobs(), bytes -> {}).close())
        .isInstanceOf(type)
        .hasMessageContaining(part);
    assertThat(ingested()).isZero();
    assertThat(
            directory.resolve("cache/layers/sha256").resolve(image.layers().get(0).diffId().hex()))
        .doesNotExist();
  }

  private byte[] decode(byte[] blob) throws IOException {
    Image image = image(blob, Digest.sha256(tar));
    try (DecodedLayer layer = cache.layer(image.layers().get(0), image.blobs(), bytes -> {})) {
      ByteBuffer all = ByteBuffer.allocate((int) layer.channel().size());
      new FileSlice(layer.channel(), 0, all.capacity()).read(0, all);
      return all.array();
    }
  }

  private Image image(byte[] blob, Digest diffId) throws IOException {
    return ImageLayout.open(
        OciImages.in(directory.resolve("image")).layer(blob, diffId).write(),
        "",
        Platform.parse("linux/amd64"));
  }

  private long ingested() throws IOException {
    try (Stream<Path> files = Files.list(directory.resolve("cache/ingest"))) {
      return files.count();
    }
  }

  private void deleteLayers() throws IOException {
    try (Stream<Path> files = Files.list(directory.resolve("cache/layers/sha256"))) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
  }

  private static byte[] randomBytes(int count) {
    byte[] bytes = new byte[count];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  private static byte[] concat(byte[] a, byte[] b) {
    byte[] both = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, both, a.length, b.length);
    return both;
  }
}
