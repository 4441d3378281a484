package dev.nexrootfs.bench;

import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.LayerMerge;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oracle.Tar;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * Merges layers of many entries again and again in one JVM, and prints a line for each time: what
 * was measured, a tab, milliseconds. A layer has directories six deep, files, links of both kinds,
 * whiteouts, and names that layers below have too.
 */
public final class MergeLayers {
  private static final int FILES_PER_DIRECTORY = 20;
  private static final int BLOCK = 512;

  private MergeLayers() {}

  /** The arguments: entries of all layers, layers, merges that do not count, merges that do. */
  public static void main(String[] arguments) throws IOException {
    int entries = Integer.parseInt(arguments[0]);
    int layers = Integer.parseInt(arguments[1]);
    int warmUps = Integer.parseInt(arguments[2]);
    int runs = Integer.parseInt(arguments[3]);
    List<DecodedLayer> opened = new ArrayList<>();
    try {
      for (int i = 0; i < layers; i++) {
        Path file = Files.createTempFile("merge-layers", ".tar");
        write(file, i, entries / layers);
        opened.add(new DecodedLayer(Digest.sha256(new byte[] {(byte) i}), FileChannel.open(file)));
        Files.delete(file);
      }
      for (int i = 0; i < warmUps + runs; i++) {
        long start = System.nanoTime();
        LayerMerge merge = new LayerMerge();
        for (DecodedLayer layer : opened) {
          merge.add(layer);
        }
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        if (i >= warmUps) {
          System.out.printf("merge %d entries, %d layers\t%d%n", entries, layers, millis);
        }
      }
    } finally {
      for (DecodedLayer layer : opened) {
        layer.close();
      }
    }
  }

  private static void write(Path file, int layer, int entries) throws IOException {
    Random random = new Random(layer);
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      String directory = "";
      for (int i = 0; i < entries; i++) {
        int group = i / FILES_PER_DIRECTORY;
        if (i % FILES_PER_DIRECTORY == 0) {
          // A third of the directories are those of other layers.
          String top = group % 3 == 0 ? "shared" : "layer-" + layer;
          directory =
              String.format("usr/lib/%s/node_modules/package-%04d/dist-%d/", top, group, group % 7);
          out.write(Tar.header(directory, '5', 0755, 0, 0, 0, ""));
          continue;
        }
        String name = directory + "file-" + i % FILES_PER_DIRECTORY + ".js";
        switch (i % FILES_PER_DIRECTORY) {
          case 17 -> out.write(Tar.header(name, '2', 0777, 0, 0, 0, "file-1.js"));
          case 18 -> out.write(Tar.header(name, '1', 0644, 0, 0, 0, directory + "file-1.js"));
          case 19 -> out.write(Tar.header(directory + ".wh.file-2.js", '0', 0644, 0, 0, 0, ""));
          default -> {
            byte[] content = new byte[(1 + random.nextInt(8)) * BLOCK];
            byte[] text = name.getBytes(StandardCharsets.US_ASCII);
            System.arraycopy(text, 0, content, 0, text.length);
            out.write(Tar.header(name, '0', 0644, 0, 0, content.length, ""));
            out.write(content);
          }
        }
      }
      out.write(new byte[2 * BLOCK]);
    }
  }
}
