package dev.nexrootfs.oracle;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** An image mounted read-only by this machine's kernel. */
public final class LoopMount implements AutoCloseable {
  private final Path point;

  private LoopMount(Path point) {
    this.point = point;
  }

  /** Mounts {@code image}. */
  public static LoopMount of(Path image) throws IOException {
    Path point = Files.createTempDirectory("nex-rootfs-mount");
    Command.of("mount", "-o", "loop,ro,noload", image, point).run().orThrow();
    return new LoopMount(point);
  }

  /** Whether this machine lets us. */
  public static boolean isAllowed() {
    return Command.of("sh", "-c", "[ \"$(id -u)\" = 0 ] && losetup -f").run().exit() == 0;
  }

  /** Skips the running test where loop mounts are not allowed. */
  public static void require() {
    org.junit.jupiter.api.Assumptions.assumeTrue(
        isAllowed(), "needs root and a free loop device for a kernel mount");
  }

  /** Where the image is mounted. */
  public Path point() {
    return point;
  }

  @Override
  public void close() throws IOException {
    Command.of("umount", point).run().orThrow();
    Files.delete(point);
  }
}
