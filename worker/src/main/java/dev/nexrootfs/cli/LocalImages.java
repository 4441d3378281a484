package dev.nexrootfs.cli;

import dev.nexrootfs.build.BucketInputs;
import dev.nexrootfs.build.Failures;
import dev.nexrootfs.build.InputLog;
import dev.nexrootfs.build.Inputs;
import dev.nexrootfs.build.LayerPull;
import dev.nexrootfs.build.PathPolicy;
import dev.nexrootfs.build.RegistryImages;
import dev.nexrootfs.layer.BlobCache;
import dev.nexrootfs.layer.BlobExchange;
import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.registry.Registries;
import dev.nexrootfs.registry.RegistryPolicy;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Images as this machine can get them, with their layers in its cache. */
final class LocalImages {
  @Mixin private CacheFlags cacheFlags = new CacheFlags();
  @Mixin private RegistryFlags registryFlags = new RegistryFlags();

  @Option(
      names = "--platform",
      paramLabel = "OS/ARCH",
      defaultValue = "linux/amd64",
      description = "the image's platform (default: ${DEFAULT-VALUE})")
  private String platform = "linux/amd64";

  /** What is done with an image while its layers are open. */
  @FunctionalInterface
  interface Use {
    void with(Image image, List<DecodedLayer> layers) throws IOException, CommandFailure;
  }

  /** Reads the image of {@code reference} and its layers, shows the progress, and uses them. */
  void use(String reference, PrintWriter err, Use use) throws IOException, CommandFailure {
    CacheDirectory cache = cacheFlags.open();
    LayerCache layers = cacheFlags.layers(cache);
    ProgressLine line = ProgressLine.on(err);
    try (Registries registries = registryFlags.open(RegistryPolicy.ALL)) {
      RegistryImages images =
          new RegistryImages(registries, new BlobCache(cache, BlobExchange.NONE));
      Inputs inputs =
          new Inputs(layers, PathPolicy.ALL, BucketInputs.NONE, java.util.Optional.of(images));
      Image image = open(inputs, reference);
      try {
        List<DecodedLayer> decoded = pull(image, layers, line);
        line.end();
        try {
          use.with(image, decoded);
        } finally {
          LayerPull.close(decoded);
        }
      } finally {
        image.blobs().close();
      }
    } catch (RequestException e) {
      throw new CommandFailure(e.code() + ": " + e.line(), e);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(String.valueOf(e.getMessage()), e);
    } finally {
      line.end();
    }
  }

  private Image open(Inputs inputs, String reference) throws RequestException {
    try {
      return inputs.image(reference, Platform.parse(platform), new InputLog());
    } catch (IOException e) {
      throw Failures.of(e);
    }
  }

  private static List<DecodedLayer> pull(Image image, LayerCache layers, ProgressLine line)
      throws RequestException {
    try {
      return LayerPull.of(
          image,
          layers,
          (phase, percent, message) -> line.show(percent * 2, phase.text(), message));
    } catch (IOException e) {
      throw Failures.of(e);
    }
  }

  /** Prints what an image is: its manifest, and each layer as it is stored and decoded. */
  static void describe(PrintWriter out, Image image, List<DecodedLayer> decoded)
      throws IOException {
    out.println("manifest   " + image.manifestDigest());
    out.println("place      " + image.blobs().place());
    out.println("platform   " + image.config().platform());
    image.config().createdAt().ifPresent(time -> out.println("created    " + time));
    long stored = 0;
    long whole = 0;
    for (int i = 0; i < decoded.size(); i++) {
      Image.Layer layer = image.layers().get(i);
      long size = decoded.get(i).channel().size();
      stored += layer.blob().size();
      whole += size;
      out.printf(
          "layer %-4d %s  %d bytes, decoded %d%n",
          i + 1, layer.blob().digest(), layer.blob().size(), size);
      out.println("           " + layer.diffId() + "  diff_id");
    }
    out.printf(
        "layers     %d of %d bytes, decoded %d (%s)%n",
        decoded.size(), stored, whole, ByteCount.text(whole));
  }
}
