package dev.nexrootfs.oracle;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveOutputStream;
import org.apache.commons.compress.archivers.cpio.CpioConstants;

/**
 * Debian's kernel for guests, and the first file system that it boots with: busybox, modules, an
 * init.
 */
final class Initramfs {
  /** What install.sh has fetched and made for guests. */
  static final Path FILES = Path.of("..", ".cache", "vm").toAbsolutePath().normalize();

  /** In the order in which they need each other; a kernel that has one built in lacks its file. */
  private static final List<String> MODULES =
      List.of(
          "virtio_ring",
          "virtio",
          "virtio_pci_modern_dev",
          "virtio_pci_legacy_dev",
          "virtio_pci",
          "virtio_blk");

  private Initramfs() {}

  /**
   * Writes one with the directory {@code mountPoint}.
   *
   * @param init the shell script that the kernel starts
   * @param files further files, by name
   */
  static void write(Path file, String mountPoint, String init, Map<String, String> files)
      throws IOException {
    try (OutputStream out = Files.newOutputStream(file);
        CpioArchiveOutputStream archive = new CpioArchiveOutputStream(out)) {
      for (String directory : List.of("bin", "dev", "modules", mountPoint)) {
        add(archive, directory, CpioConstants.C_ISDIR | 0755, new byte[0]);
      }
      for (int i = 0; i < MODULES.size(); i++) {
        Optional<Path> module = find(MODULES.get(i) + ".ko");
        if (module.isPresent()) {
          add(archive, "modules/" + i, CpioConstants.C_ISREG | 0644, decoded(module.get()));
        }
      }
      add(archive, "bin/busybox", CpioConstants.C_ISREG | 0755, Files.readAllBytes(busybox()));
      add(archive, "init", CpioConstants.C_ISREG | 0755, utf8(init));
      for (Map.Entry<String, String> other : files.entrySet()) {
        add(archive, other.getKey(), CpioConstants.C_ISREG | 0644, utf8(other.getValue()));
      }
    }
  }

  /** A busybox that needs no libraries. */
  static Path busybox() {
    Path merged = FILES.resolve("busybox/usr/bin/busybox");
    return Files.exists(merged) ? merged : FILES.resolve("busybox/bin/busybox");
  }

  static Path kernel() throws IOException {
    return find("vmlinuz-").orElseThrow(() -> new AssertionError("no kernel in " + FILES));
  }

  private static void add(CpioArchiveOutputStream archive, String name, int mode, byte[] content)
      throws IOException {
    CpioArchiveEntry entry = new CpioArchiveEntry(name, content.length);
    entry.setMode(mode);
    archive.putArchiveEntry(entry);
    archive.write(content);
    archive.closeArchiveEntry();
  }

  /** The kernel package's file whose name begins so. */
  private static Optional<Path> find(String start) throws IOException {
    try (Stream<Path> files = Files.walk(FILES.resolve("kernel"))) {
      return files.filter(file -> file.getFileName().toString().startsWith(start)).findFirst();
    }
  }

  private static byte[] decoded(Path module) throws IOException {
    return module.toString().endsWith(".xz")
        ? Command.of("xz", "-dc", module).run().orThrow().bytes()
        : Files.readAllBytes(module);
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
