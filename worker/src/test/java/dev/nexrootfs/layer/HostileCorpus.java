package dev.nexrootfs.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdOutputStream;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.ImageLayout;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oci.Platform;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;

/**
 * Merges every hostile layer in one JVM, which is meant to be small, and prints a line for each:
 * its name, milliseconds, "ok" or what was wrong, with tabs between them.
 */
public final class HostileCorpus {
  private static final long BOMB_BYTES = 1L << 28;
  private static final long LAYER_LIMIT = 1 << 24;

  private final Path directory;
  private final Map<String, Action> actions = new LinkedHashMap<>();

  /** Does what one kind asks for. */
  @FunctionalInterface
  private interface Action {
    void run() throws IOException;
  }

  private HostileCorpus(Path directory) {
    this.directory = directory;
    HostileArchives.kinds().forEach(kind -> actions.put(kind.name(), () -> merge(kind)));
    HostileSparseMaps.kinds().forEach(kind -> actions.put(kind.name(), () -> merge(kind)));
    HostileLayers.kinds().forEach(kind -> actions.put(kind.name(), () -> merge(kind)));
    actions.put("gzip bomb", () -> decode("gzip", gzipBomb()));
    actions.put("zstd bomb", () -> decode("zstd", zstdBomb()));
  }

  /** The argument is a directory for the archives. */
  public static void main(String[] arguments) {
    new HostileCorpus(Path.of(arguments[0])).run();
  }

  private void run() {
    actions.forEach(
        (name, action) -> {
          long start = System.nanoTime();
          String result = resultOf(action);
          long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
          System.out.printf("%s\t%d\t%s%n", name.replaceAll("\\s", " "), millis, result);
        });
  }

  /** Everything that a kind may end in but what it is to end in, errors of the JVM among it. */
  private static String resultOf(Action action) {
    try {
      action.run();
      return "ok";
    } catch (IOException | RuntimeException | AssertionError | VirtualMachineError e) {
      return e.toString().replaceAll("\\s+", " ");
    }
  }

  private void merge(HostileKind kind) throws IOException {
    List<DecodedLayer> layers = new ArrayList<>();
    try {
      for (HostileKind.Writer writer : kind.layers()) {
        layers.add(write(writer, layers.size()));
      }
      LayerMerge merge = new LayerMerge();
      if (kind.refusal().isEmpty()) {
        addAll(merge, layers);
        kind.check().check(merge.tree());
      } else {
        assertThatThrownBy(() -> addAll(merge, layers))
            .isInstanceOf(InvalidLayerException.class)
            .hasMessageContaining(kind.refusal())
            .hasMessageContaining("layer sha256:")
            .satisfies(e -> assertThat(String.valueOf(e.getMessage()).length()).isLessThan(20_000));
      }
    } finally {
      for (DecodedLayer layer : layers) {
        layer.close();
      }
    }
  }

  private static void addAll(LayerMerge merge, List<DecodedLayer> layers) throws IOException {
    for (DecodedLayer layer : layers) {
      merge.add(layer);
    }
  }

  private DecodedLayer write(HostileKind.Writer writer, int number) throws IOException {
    Path file = Files.createTempFile(directory, "layer", ".tar");
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      writer.write(out);
      // A writer that stands before the end has made an archive that is cut off.
      if (out.getFilePointer() >= out.length()) {
        out.write(new byte[1024]);
      }
    }
    DecodedLayer layer =
        new DecodedLayer(Digest.sha256(new byte[] {(byte) number}), FileChannel.open(file));
    Files.delete(file);
    return layer;
  }

  private void decode(String name, byte[] blob) throws IOException {
    Path layout =
        OciImages.in(directory.resolve(name)).layer(blob, Digest.sha256(new byte[0])).write();
    Image image = ImageLayout.open(layout, "", Platform.parse("linux/amd64"));
    LayerCache cache =
        new LayerCache(new CacheDirectory(directory.resolve("cache"), 1L << 32), LAYER_LIMIT);
    assertThatThrownBy(() -> cache.layer(image.layers().get(0), image.blobs(), bytes -> {}).close())
        .isInstanceOf(InvalidLayerException.class)
        .hasMessageContaining("more than " + LAYER_LIMIT + " bytes");
  }

  private static byte[] gzipBomb() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new GZIPOutputStream(bytes, 1 << 16)) {
      fill(out);
    }
    return bytes.toByteArray();
  }

  private static byte[] zstdBomb() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = new ZstdOutputStream(bytes)) {
      fill(out);
    }
    return bytes.toByteArray();
  }

  private static void fill(OutputStream out) throws IOException {
    byte[] zeros = new byte[1 << 20];
    for (long done = 0; done < BOMB_BYTES; done += zeros.length) {
      out.write(zeros);
    }
  }
}
