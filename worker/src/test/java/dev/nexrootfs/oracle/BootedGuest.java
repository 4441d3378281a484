package dev.nexrootfs.oracle;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * A virtual machine of QEMU, emulated throughout, whose root file system is the image under test
 * and whose first program is that image's init. Its kernel is Debian's, with the drivers of the
 * disk in an initramfs that does nothing but hand over.
 */
public final class BootedGuest {
  private static final int MAX_SECONDS = 300;

  /** A kernel that mounts its root itself mounts /dev there, too; switch_root's does not. */
  private static final String INIT =
      """
      #!/bin/busybox sh
      busybox=/bin/busybox
      $busybox mount -t devtmpfs devtmpfs /dev
      for module in /modules/*; do $busybox insmod $module; done
      $busybox mount -t ext4 -o rw /dev/vda /root
      $busybox umount -l /dev
      exec $busybox switch_root -c /dev/console /root /sbin/init
      """;

  private final Path image;
  private final Path scratch;

  private BootedGuest(Path image, Path scratch) {
    this.image = image;
    this.scratch = scratch;
  }

  /**
   * What came over the serial lines.
   *
   * @param poweredOff whether the guest ended by itself
   * @param said what was written to the second line, ttyS1
   * @param console what was written to the console, ttyS0
   */
  public record Result(boolean poweredOff, String said, String console) {}

  /** A machine with the disk {@code image}, which it writes; its own files are in scratch. */
  public static BootedGuest of(Path image, Path scratch) {
    return new BootedGuest(image, scratch);
  }

  /** Skips the running test where something that a machine needs is missing, naming it. */
  public static void require() {
    Command.require("qemu-system-x86_64");
    for (String needed : List.of("kernel", "busybox")) {
      requireFile(needed);
    }
  }

  /** An image layout that install.sh makes; the running test is skipped where it is missing. */
  public static Path base(String name) {
    return requireFile(name + ".image");
  }

  /** A busybox that needs no libraries. */
  public static byte[] busybox() throws IOException {
    return Files.readAllBytes(Initramfs.busybox());
  }

  private static Path requireFile(String name) {
    Path file = Initramfs.FILES.resolve(name);
    Assumptions.assumeTrue(
        Files.exists(file), "needs .cache/vm/" + name + ", which is not there; make test makes it");
    return file;
  }

  /** Boots, and waits until the guest has powered off. */
  public Result untilPowerOff() throws IOException {
    Result result = boot("\0", "");
    if (!result.poweredOff()) {
      throw new AssertionError("the guest did not power off:\n" + told(result));
    }
    return result;
  }

  /**
   * Boots, and kills the machine as soon as it has said the line {@code marker} on ttyS1.
   *
   * @param parameter what the guest finds in {@code /proc/cmdline}, to know that this is so
   */
  public Result killedAt(String marker, String parameter) throws IOException {
    Result result = boot(marker, parameter);
    if (result.poweredOff()) {
      throw new AssertionError("the guest did not say \"" + marker + "\":\n" + told(result));
    }
    return result;
  }

  private Result boot(String marker, String parameter) throws IOException {
    Path initramfs = scratch.resolve("guest.initramfs");
    Initramfs.write(initramfs, "root", INIT, Map.of());
    Path console = Files.write(scratch.resolve("guest.console"), new byte[0]);
    Path said = Files.write(scratch.resolve("guest.said"), new byte[0]);
    Process qemu =
        new ProcessBuilder(command(initramfs, console, said, parameter))
            .redirectErrorStream(true)
            .redirectOutput(scratch.resolve("guest.qemu").toFile())
            .start();
    try {
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(MAX_SECONDS);
      while (!qemu.waitFor(20, TimeUnit.MILLISECONDS)) {
        if (read(said).lines().anyMatch(marker::equals)) {
          qemu.destroyForcibly().waitFor();
          return new Result(false, read(said), read(console));
        }
        if (System.nanoTime() > deadline) {
          throw new AssertionError(
              "the guest took more than "
                  + MAX_SECONDS
                  + " s:\n"
                  + told(new Result(false, read(said), read(console))));
        }
      }
      if (qemu.exitValue() != 0) {
        throw new AssertionError(
            "qemu exited " + qemu.exitValue() + ": " + read(scratch.resolve("guest.qemu")));
      }
      return new Result(true, read(said), read(console));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("the guest was interrupted", e);
    } finally {
      qemu.destroyForcibly();
    }
  }

  private static String told(Result result) {
    List<String> lines = result.console().lines().toList();
    return result.said()
        + "--- console\n"
        + String.join("\n", lines.subList(Math.max(0, lines.size() - 60), lines.size()))
        + "\n";
  }

  private List<String> command(Path initramfs, Path console, Path said, String parameter)
      throws IOException {
    return List.of(
        "qemu-system-x86_64",
        "-accel",
        "tcg",
        "-smp",
        "1",
        "-m",
        "512",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        // Late, because e2fsck does not like times that are still to come.
        "-rtc",
        "base="
            + Vm.CLOCK.format(Instant.now().minus(1, ChronoUnit.HOURS).atOffset(ZoneOffset.UTC)),
        "-kernel",
        Initramfs.kernel().toString(),
        "-initrd",
        initramfs.toString(),
        // The check of the timer is one of real time, which a busy machine does not keep.
        "-append",
        "console=ttyS0 panic=-1 quiet no_timer_check mitigations=off " + parameter,
        "-serial",
        "file:" + console,
        "-serial",
        "file:" + said,
        "-drive",
        // The cache is this machine's: a guest that is killed loses none of it.
        "format=raw,if=virtio,cache=unsafe,file=" + image);
  }

  /** What has come over a serial line, whose lines end as a terminal's. */
  private static String read(Path line) throws IOException {
    return new String(Files.readAllBytes(line), StandardCharsets.ISO_8859_1).replace("\r", "");
  }
}
