package dev.nexrootfs.cli;

import dev.nexrootfs.layer.LayerCache;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where decoded layers are kept. */
final class CacheFlags {
  @Option(
      names = "--cache",
      paramLabel = "DIR",
      description =
          "directory for decoded layers (default: $XDG_CACHE_HOME/nex-rootfs or ~/.cache/nex-rootfs)")
  @Nullable Path directory;

  @Option(
      names = "--max-layer-bytes",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      defaultValue = "64GiB",
      description = "most bytes of one decoded layer or input (default: ${DEFAULT-VALUE})")
  long maxLayerBytes;

  LayerCache open() throws IOException {
    return new LayerCache(directory == null ? usual() : directory, maxLayerBytes);
  }

  private static Path usual() {
    String configured = System.getenv("XDG_CACHE_HOME");
    return configured == null || configured.isBlank()
        ? Path.of(System.getProperty("user.home"), ".cache", "nex-rootfs")
        : Path.of(configured, "nex-rootfs");
  }
}
