package dev.nexrootfs.cli;

import dev.nexrootfs.build.Failures;
import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.LayerCache;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where blobs and decoded layers are kept, and how much of them. */
final class CacheFlags {
  @Option(
      names = "--cache",
      paramLabel = "DIR",
      description =
          "directory for blobs and decoded layers (default: $XDG_CACHE_HOME/nex-rootfs or ~/.cache/nex-rootfs)")
  @Nullable Path directory;

  @Option(
      names = "--cache-bytes",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      defaultValue = "32GiB",
      description = {
        "most bytes of the cache; what was used longest ago goes first, what a build",
        "uses stays (default: ${DEFAULT-VALUE})"
      })
  long maxBytes;

  @Option(
      names = "--max-layer-bytes",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      defaultValue = "64GiB",
      description = "most bytes of one decoded layer or input (default: ${DEFAULT-VALUE})")
  long maxLayerBytes;

  CacheDirectory open() throws CommandFailure {
    if (maxBytes < 1) {
      throw CommandFailure.usage("--cache-bytes " + maxBytes + " is no size", null);
    }
    if (maxLayerBytes < 1) {
      throw CommandFailure.usage("--max-layer-bytes " + maxLayerBytes + " is no size", null);
    }
    try {
      return new CacheDirectory(path(), maxBytes);
    } catch (IOException e) {
      throw new CommandFailure(
          "the cache "
              + path()
              + " cannot be used: "
              + Failures.message(e)
              + "; give another directory with --cache",
          e);
    }
  }

  Path path() {
    return directory == null ? usual() : directory;
  }

  LayerCache layers(CacheDirectory cache) {
    return new LayerCache(cache, maxLayerBytes);
  }

  private static Path usual() {
    String configured = System.getenv("XDG_CACHE_HOME");
    return configured == null || configured.isBlank()
        ? Home.directory().resolve(".cache").resolve("nex-rootfs")
        : Path.of(configured, "nex-rootfs");
  }
}
