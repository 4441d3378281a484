package dev.nexrootfs.bench;

import dev.nexrootfs.build.BucketInputs;
import dev.nexrootfs.build.FileSink;
import dev.nexrootfs.build.Inputs;
import dev.nexrootfs.build.PathPolicy;
import dev.nexrootfs.build.Progress;
import dev.nexrootfs.build.RootfsBuild;
import dev.nexrootfs.build.ScriptStep;
import dev.nexrootfs.ext4.Ext4Image;
import dev.nexrootfs.ext4.Ext4Layout;
import dev.nexrootfs.ext4.ImageProfile;
import dev.nexrootfs.ext4.ImageSize;
import dev.nexrootfs.ext4.LayoutException;
import dev.nexrootfs.ext4.LayoutPlanner;
import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.LayerMerge;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.ImageLayout;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.Guest;
import dev.nexrootfs.protocol.Lint;
import dev.nexrootfs.protocol.Network;
import dev.nexrootfs.protocol.ReplyMode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.Size;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Builds one image again and again in one JVM, as a worker does, and prints a line for each
 * measurement: what was measured, a tab, milliseconds.
 */
public final class WarmBuild {
  private static final long MAX_LAYER_BYTES = 64L << 30;

  private final Path layout;
  private final String platform;
  private final long size;
  private final LayerCache cache;
  private final Path output;
  private final PrintStream out = System.out;

  private WarmBuild(Path layout, String platform, long size, Path cache, Path output)
      throws IOException {
    this.layout = layout;
    this.platform = platform;
    this.size = size;
    this.cache = new LayerCache(new CacheDirectory(cache, Long.MAX_VALUE), MAX_LAYER_BYTES);
    this.output = output;
  }

  /**
   * The arguments: an image layout, a platform, the image's size in bytes, the directory of decoded
   * layers, the file to build, builds that do not count, builds that do.
   */
  public static void main(String[] arguments)
      throws IOException, RequestException, LayoutException, InterruptedException {
    WarmBuild warm =
        new WarmBuild(
            Path.of(arguments[0]),
            arguments[1],
            Long.parseLong(arguments[2]),
            Path.of(arguments[3]),
            Path.of(arguments[4]));
    int warmUps = Integer.parseInt(arguments[5]);
    int runs = Integer.parseInt(arguments[6]);
    for (int i = 0; i < warmUps; i++) {
      warm.build(false);
    }
    for (int i = 0; i < runs; i++) {
      warm.build(true);
    }
    // Once more than counts: rendering into nothing is code that no build has run.
    for (int i = 0; i <= runs; i++) {
      warm.parts(i > 0);
    }
  }

  private void build(boolean counts) throws IOException, RequestException, InterruptedException {
    settle();
    RootfsBuild build =
        new RootfsBuild(
            cache,
            new Inputs(cache, PathPolicy.ALL, BucketInputs.NONE, Optional.empty()),
            "bench",
            Size.MAX_BYTES,
            Optional.empty(),
            ScriptStep.NONE);
    long start = System.nanoTime();
    BuildReply reply = build.run("bench", request(), new FileSink(output), Progress.NONE).reply();
    long end = System.nanoTime();
    if (counts) {
      print("warm", start, end);
      reply
          .durations()
          .forEach((phase, millis) -> out.printf("warm phase %s\t%d%n", phase, millis));
    }
  }

  /** The same way in parts, each for itself: without cache and file. */
  private void parts(boolean counts) throws IOException, LayoutException {
    Image image = ImageLayout.open(layout, "", Platform.parse(platform));
    List<DecodedLayer> layers = new ArrayList<>();
    try {
      for (Image.Layer layer : image.layers()) {
        layers.add(cache.layer(layer, image.blobs(), bytes -> {}));
      }
      long start = System.nanoTime();
      LayerMerge merge = new LayerMerge();
      for (DecodedLayer layer : layers) {
        merge.add(layer);
      }
      long merged = System.nanoTime();
      Ext4Layout plan =
          LayoutPlanner.plan(
              merge.tree(),
              new ImageProfile(new ImageSize.Whole(size), new UUID(0, 0), Instant.EPOCH));
      long planned = System.nanoTime();
      try (InputStream stream = new Ext4Image(plan).stream()) {
        byte[] buffer = new byte[1 << 20];
        while (stream.read(buffer) >= 0) {
          // The bytes are made when they are read; nobody wants them here.
        }
      }
      long rendered = System.nanoTime();
      MessageDigest computation = Digest.newSha256();
      byte[] bytes = new byte[1 << 20];
      for (long done = 0; done < size; done += bytes.length) {
        computation.update(bytes);
      }
      computation.digest();
      long digested = System.nanoTime();
      if (counts) {
        print("merge", start, merged);
        print("plan", merged, planned);
        print("render", planned, rendered);
        print("digest", rendered, digested);
      }
    } finally {
      for (DecodedLayer layer : layers) {
        layer.close();
      }
      image.blobs().close();
    }
  }

  private BuildRequest request() {
    return new BuildRequest(
        "oci:" + layout,
        null,
        null,
        Network.NONE,
        Size.whole(size),
        platform,
        Guest.PLAIN,
        List.of(),
        "rootfs",
        "latest",
        "default",
        ReplyMode.FINAL,
        null,
        List.of("ext4"),
        null,
        null,
        Lint.WARN);
  }

  /** No build waits for what an earlier one left to the disk, or frees its blocks. */
  private void settle() throws IOException, InterruptedException {
    Files.deleteIfExists(output);
    new ProcessBuilder("sync").inheritIO().start().waitFor();
  }

  private void print(String what, long start, long end) {
    out.printf("%s\t%d%n", what, TimeUnit.NANOSECONDS.toMillis(end - start));
  }
}
