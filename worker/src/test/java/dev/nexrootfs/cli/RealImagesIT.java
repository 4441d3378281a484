package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.LayerMerge;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.ImageLayout;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.Host;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.LoopMount;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real trees: the demo's base image, and a whole Debian. */
class RealImagesIT {
  private static final long MEMORY_LIMIT = 256L << 20;
  private static final List<String> SMALL_HEAP = List.of("-Xmx128m", "-XX:+UseSerialGC");

  /** The checkout's own directory for what is made once. */
  private static final Path CACHE = Path.of("..", ".cache").toAbsolutePath().normalize();

  @TempDir Path directory;

  @Test
  void demosBaseImageMergesToWhatUmociUnpacks() throws Exception {
    Command.require("umoci");
    Command.require("skopeo");
    requireRoot();
    Path layout = demoBase();
    Path copy = directory.resolve("copy");
    Command.of("skopeo", "copy", "--quiet", "oci:" + layout + ":latest", "oci:" + copy + ":latest")
        .run()
        .orThrow();
    Path bundle = directory.resolve("bundle");
    Command.of("umoci", "unpack", "--image", copy + ":latest", bundle).run().orThrow();
    Listing unpacked = Host.list(bundle.resolve("rootfs"));
    List<DecodedLayer> opened = new ArrayList<>();
    Image image = ImageLayout.open(layout, "latest", Platform.parse("linux/" + architecture()));
    assertThat(image.layers().size()).isGreaterThanOrEqualTo(2);
    LayerCache cache =
        new LayerCache(new CacheDirectory(directory.resolve("cache"), 1L << 32), 1L << 30);
    LayerMerge merge = new LayerMerge();
    for (Image.Layer layer : image.layers()) {
      DecodedLayer decoded = cache.layer(layer, image.blobs(), bytes -> {});
      opened.add(decoded);
      merge.add(decoded);
    }
    // The root has no entry in the archives; each reader chooses its time.
    assertThat(withoutRoot(Listing.of(merge.tree())).differences(withoutRoot(unpacked))).isEmpty();
    assertThat(unpacked.lines()).hasSizeGreaterThan(500).doesNotContainKey("usr/share/doc");
    for (DecodedLayer layer : opened) {
      layer.close();
    }
    NatsServer.deleteTree(bundle);
  }

  @Test
  void debianMinbaseBuildsInASmallHeapAndIsTheSameTreeWhenMounted() throws Exception {
    Command.require("umoci");
    requireRoot();
    Path tree = minbase();
    Path layout = directory.resolve("minbase");
    Command.of("umoci", "init", "--layout", layout).run().orThrow();
    Command.of("umoci", "new", "--image", layout + ":latest").run().orThrow();
    Command.of("umoci", "insert", "--image", layout + ":latest", tree, "/")
        .timeout(300)
        .run()
        .orThrow();
    // umoci rounds times up, past its own creation time where the tree is just made; a build holds
    // files to the creation time.
    String created = Instant.now().truncatedTo(ChronoUnit.SECONDS).plusSeconds(1).toString();
    Command.of("umoci", "config", "--image", layout + ":latest", "--created", created)
        .run()
        .orThrow();
    try (NatsServer server = NatsServer.start();
        Program worker = worker(server)) {
      Path output = directory.resolve("rootfs.ext4");
      request(server, worker, "oci:" + layout + ":latest", "512MiB", output);
      E2fsck.check(output);
      assertThat(worker.peakResidentBytes()).isLessThan(MEMORY_LIMIT);
      if (LoopMount.isAllowed()) {
        try (LoopMount mount = LoopMount.of(output)) {
          Listing built = Host.list(mount.point()).without("lost+found");
          // umoci rounds times when it makes a layer, so its own reading of the layer is what to
          // compare with.
          Path bundle = directory.resolve("bundle");
          Command.of("umoci", "unpack", "--image", layout + ":latest", bundle)
              .timeout(300)
              .run()
              .orThrow();
          Listing source = Host.list(bundle.resolve("rootfs"));
          NatsServer.deleteTree(bundle);
          assertThat(built.lines()).hasSizeGreaterThan(5000);
          assertThat(withoutRoot(built).differences(withoutRoot(source))).isEmpty();
        }
      }
    }
  }

  @Test
  void imageOf2GibBuildsInASmallHeap() throws Exception {
    Path layer = directory.resolve("layer.tar");
    try (OutputStream out = Files.newOutputStream(layer)) {
      byte[] block = new byte[1 << 20];
      Random random = new Random(1);
      for (int i = 0; i < 16; i++) {
        out.write(Tar.header("file-" + i, '0', 0644, 0, 0, 100L << 20, ""));
        for (int j = 0; j < 100; j++) {
          random.nextBytes(block);
          out.write(block);
        }
      }
      out.write(new byte[1024]);
    }
    Path layout = OciImages.in(directory.resolve("large")).layerFile(layer).write();
    Files.delete(layer);
    try (NatsServer server = NatsServer.start();
        Program worker = worker(server)) {
      Path output = directory.resolve("rootfs.ext4");
      request(server, worker, "oci:" + layout, "2GiB", output);
      E2fsck.check(output);
      assertThat(worker.peakResidentBytes()).isLessThan(MEMORY_LIMIT);
    }
  }

  private Program worker(NatsServer server) throws IOException {
    Program.run("setup", "--no-context", "--server", server.url()).orThrow();
    return Program.worker(
        server.url(),
        directory.resolve("worker-cache"),
        SMALL_HEAP,
        Map.of(),
        "--allow-path",
        directory.toString());
  }

  private void request(NatsServer server, Program worker, String image, String size, Path output)
      throws IOException {
    Path agent = Files.write(directory.resolve("agent"), Elf.amd64());
    Command.Result result =
        Program.run(
            "request",
            "--no-context",
            "--server",
            server.url(),
            "--image",
            image,
            "--guest",
            "plain",
            "--agent",
            agent,
            "--size",
            size,
            "--output",
            output);
    assertThat(result.exit()).as(result.output() + worker.log()).isZero();
  }

  private static Path demoBase() {
    Path layout = CACHE.resolve("demo/base");
    if (!Files.exists(layout.resolve("index.json"))) {
      Command.require("dpkg-deb");
      Command.of("sh", "../deploy/demo/base-image.sh", layout).timeout(300).run().orThrow();
    }
    return layout;
  }

  /** A Debian minbase tree, made once for a checkout. */
  private static Path minbase() throws IOException {
    Path tree = CACHE.resolve("minbase");
    if (!Files.isDirectory(tree)) {
      Command.require("debootstrap");
      Path unfinished = CACHE.resolve("minbase.new");
      NatsServer.deleteTree(unfinished);
      Files.createDirectories(CACHE);
      Command.of("debootstrap", "--variant=minbase", "stable", unfinished)
          .timeout(900)
          .run()
          .orThrow();
      Files.move(unfinished, tree);
    }
    return tree;
  }

  private static void requireRoot() {
    org.junit.jupiter.api.Assumptions.assumeTrue(
        Command.of("id", "-u").run().output().strip().equals("0"),
        "needs root, to unpack with owners");
  }

  private static String architecture() {
    return Command.of("dpkg", "--print-architecture").run().orThrow().output().strip();
  }

  private static Listing withoutRoot(Listing listing) {
    java.util.TreeMap<String, String> lines = new java.util.TreeMap<>(listing.lines());
    lines.remove("");
    return new Listing(lines);
  }
}
