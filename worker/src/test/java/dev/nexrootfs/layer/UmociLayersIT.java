package dev.nexrootfs.layer;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Host;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.Tar;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Random layers merge to what umoci unpacks: names from a few, so that layers meet each other. */
class UmociLayersIT {
  private static final int SEEDS = Integer.getInteger("nex-rootfs.random-layers", 40);
  private static final int LAYERS = 5;
  private static final int ENTRIES = 25;

  @TempDir Path directory;

  @Test
  void randomLayersMergeToWhatUmociUnpacks() throws Exception {
    Command.require("umoci");
    Command.require("skopeo");
    Assumptions.assumeTrue(
        Command.of("id", "-u").run().output().strip().equals("0"),
        "needs root, to unpack with owners");
    for (long seed = 1; seed <= SEEDS; seed++) {
      compare(seed);
    }
  }

  private void compare(long seed) throws IOException {
    List<byte[]> layers = new RandomLayers(seed).layers();
    Path work = Files.createDirectories(directory.resolve("seed-" + seed));
    OciImages image = OciImages.in(work.resolve("image"));
    LayerMerge merge = new LayerMerge();
    List<DecodedLayer> opened = new ArrayList<>();
    for (byte[] tar : layers) {
      image.layer(tar);
      Path file = Files.write(work.resolve(Digest.sha256(tar).hex()), tar);
      opened.add(new DecodedLayer(Digest.sha256(tar), FileChannel.open(file)));
      merge.add(opened.get(opened.size() - 1));
    }
    Path layout = image.write();
    Command.of("skopeo", "copy", "--quiet", "oci:" + layout, "oci:" + work.resolve("tagged:latest"))
        .run()
        .orThrow();
    Path bundle = work.resolve("bundle");
    Command.of("umoci", "unpack", "--image", work.resolve("tagged") + ":latest", bundle)
        .run()
        .orThrow();
    Listing unpacked = Host.list(bundle.resolve("rootfs"));
    assertThat(withoutTimes(Listing.of(merge.tree())).differences(withoutTimes(unpacked)))
        .as("seed %d", seed)
        .isEmpty();
    for (DecodedLayer layer : opened) {
      layer.close();
    }
  }

  /** umoci does not set a directory's time again after a whiteout or link has changed it. */
  private static Listing withoutTimes(Listing listing) {
    TreeMap<String, String> lines = new TreeMap<>();
    listing
        .lines()
        .forEach(
            (path, line) ->
                lines.put(
                    path,
                    line.startsWith("d ") ? line.replaceAll(" [0-9]+\\.[0-9]{9} ", " ") : line));
    return new Listing(lines);
  }

  /** Layers as a build could make them: each entry of a directory comes before what is in it. */
  private static final class RandomLayers {
    private final Random random;

    RandomLayers(long seed) {
      random = new Random(seed);
    }

    List<byte[]> layers() {
      List<byte[]> layers = new ArrayList<>();
      for (int i = 0; i < LAYERS; i++) {
        layers.add(layer(i));
      }
      return layers;
    }

    private byte[] layer(int number) {
      Tar tar = new Tar().entry("./", '5', 0755, 0, 0, "");
      TreeSet<String> directories = new TreeSet<>(List.of(""));
      TreeSet<String> others = new TreeSet<>();
      TreeSet<String> files = new TreeSet<>();
      for (int i = 0; i < ENTRIES; i++) {
        String parent = List.copyOf(directories).get(random.nextInt(directories.size()));
        String path = parent + (char) ('a' + random.nextInt(6));
        if (directories.contains(path + "/") || !others.add(path)) {
          continue;
        }
        switch (random.nextInt(10)) {
          case 0, 1, 2, 3 -> {
            others.remove(path);
            directories.add(path + "/");
            tar.entry(path + "/", '5', 0700 + random.nextInt(64), random.nextInt(5), 0, "");
          }
          case 4 -> tar.link(path, random.nextBoolean() ? "/a" : "../b/c");
          case 5 -> {
            if (files.isEmpty()) {
              tar.entry(path, '6', 0600, 0, 0, "");
            } else {
              tar.hardLink(path, files.first());
            }
          }
          case 6 -> {
            tar.file(parent + ".wh." + path.substring(parent.length()), "");
            others.remove(path);
          }
          case 7 -> {
            if (number > 0 && !parent.isEmpty() && random.nextBoolean()) {
              tar.file(parent + ".wh..wh..opq", "");
            }
            others.remove(path);
          }
          default -> {
            files.add(path);
            tar.file(path, "layer " + number + " " + path);
          }
        }
      }
      return tar.bytes();
    }
  }
}
