package dev.nexrootfs.oracle;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A virtual machine of QEMU, emulated throughout, with Debian's kernel and an image under test as
 * its disk {@code /dev/vda}. It runs one shell script, as root of a small Debian that is read-only
 * but for {@code /tmp}, and powers off.
 */
public final class Vm {
  /**
   * What the guest does first. The script has a serial line to itself, for the kernel writes
   * between any two characters of its console.
   */
  private static final String INIT =
      """
      #!/bin/busybox sh
      busybox=/bin/busybox
      $busybox mount -t devtmpfs devtmpfs /dev
      for module in /modules/*; do $busybox insmod $module; done
      $busybox mount -t ext4 -o ro /dev/vdb /tools
      $busybox mount -t devtmpfs devtmpfs /tools/dev
      $busybox mount -t proc proc /tools/proc
      $busybox mount -t sysfs sysfs /tools/sys
      $busybox mount -t tmpfs tmpfs /tools/tmp
      $busybox cp /script /tools/tmp/script
      $busybox chroot /tools /bin/sh -eu /tmp/script < /dev/null > /dev/ttyS1 2>&1
      echo "script exited $?" > /dev/ttyS1
      $busybox poweroff -f
      """;

  private static final Pattern EXIT = Pattern.compile("^script exited (\\d+)$", Pattern.MULTILINE);
  private static final Pattern COMPLAINT =
      Pattern.compile(
          "(?i)ext4-fs.*(error|warning|corrupt)|jbd2:|aborting journal|I/O error|kernel panic"
              + "|kernel bug|\\bOops|WARNING: CPU");

  /**
   * The guest's clock. It is late, because a kernel that reads it may be ahead of it by a second,
   * and e2fsck does not like times that are still to come.
   */
  static final DateTimeFormatter CLOCK = DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss");

  private final Path image;
  private final Path scratch;
  private long seconds = 300;

  private Vm(Path image, Path scratch) {
    this.image = image;
    this.scratch = scratch;
  }

  /** How a guest has ended. */
  public enum Ending {
    /** It powered off after its script. */
    POWERED_OFF,
    /** We killed it, with what it had not handed to its disk yet. */
    KILLED,
    /** Its kernel gave up. */
    CRASHED
  }

  /**
   * What became of a guest.
   *
   * @param ending how it has ended
   * @param exit the exit status of its script, -1 where the script came to no end
   * @param output what the script said
   * @param console what the kernel said
   */
  public record Result(Ending ending, int exit, String output, String console) {
    /** This result, if the script succeeded. */
    public Result orThrow() {
      if (ending != Ending.POWERED_OFF || exit != 0) {
        throw new AssertionError(
            "the guest " + ending + ", exit status " + exit + ":\n" + output + end(console));
      }
      return this;
    }

    /** The kernel's lines that tell of an error. */
    public List<String> complaints() {
      return console.lines().filter(line -> COMPLAINT.matcher(line).find()).toList();
    }
  }

  /** A machine with the disk {@code image}, which it may write; its own files are in scratch. */
  public static Vm of(Path image, Path scratch) {
    return new Vm(image, scratch);
  }

  /** Skips the running test where something that a machine needs is missing, naming it. */
  public static void require() {
    Command.require("qemu-system-x86_64");
    for (String needed : List.of("kernel", "busybox", "tools.ext4")) {
      org.junit.jupiter.api.Assumptions.assumeTrue(
          Files.exists(Initramfs.FILES.resolve(needed)),
          "needs .cache/vm/" + needed + ", which is not there; make test installs it");
    }
  }

  /** The same with another bound on its time. */
  public Vm timeout(long bound) {
    seconds = bound;
    return this;
  }

  /** Boots and runs {@code script} to its end. */
  public Result run(String script) throws IOException {
    return boot(script, null);
  }

  /**
   * Boots, runs {@code script}, and kills the machine as soon as the script has said the line
   * {@code marker}. What the guest has written to its disk by then is safe with this machine's
   * kernel; what it has not, is lost.
   */
  public Result killAt(String marker, String script) throws IOException {
    return boot(script, marker);
  }

  private Result boot(String script, @Nullable String marker) throws IOException {
    Path initramfs = scratch.resolve("vm.initramfs");
    Initramfs.write(initramfs, "tools", INIT, Map.of("script", script));
    Path console = Files.write(scratch.resolve("vm.console"), new byte[0]);
    Path output = Files.write(scratch.resolve("vm.output"), new byte[0]);
    Process qemu =
        new ProcessBuilder(command(initramfs, console, output))
            .redirectErrorStream(true)
            .redirectOutput(scratch.resolve("vm.qemu").toFile())
            .start();
    try {
      Ending ending = await(qemu, output, marker);
      String said = read(output);
      Matcher exit = EXIT.matcher(said);
      boolean ended = exit.find();
      if (ending == Ending.POWERED_OFF && !ended) {
        ending = Ending.CRASHED;
      }
      return new Result(ending, ended ? Integer.parseInt(exit.group(1)) : -1, said, read(console));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("the guest was interrupted", e);
    } finally {
      qemu.destroyForcibly();
    }
  }

  private Ending await(Process qemu, Path output, @Nullable String marker)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    while (!qemu.waitFor(10, TimeUnit.MILLISECONDS)) {
      if (marker != null && read(output).lines().anyMatch(marker::equals)) {
        qemu.destroyForcibly().waitFor();
        return Ending.KILLED;
      }
      if (System.nanoTime() > deadline) {
        throw new AssertionError(
            "the guest took more than " + seconds + " s:\n" + read(output) + everything());
      }
    }
    if (qemu.exitValue() != 0) {
      throw new AssertionError("qemu exited " + qemu.exitValue() + ":\n" + everything());
    }
    return Ending.POWERED_OFF;
  }

  private String everything() throws IOException {
    return end(read(scratch.resolve("vm.console"))) + read(scratch.resolve("vm.qemu"));
  }

  /** The last lines, without the hundreds that a boot takes. */
  private static String end(String console) {
    List<String> lines = console.lines().toList();
    return String.join("\n", lines.subList(Math.max(0, lines.size() - 40), lines.size())) + "\n";
  }

  private List<String> command(Path initramfs, Path console, Path output) throws IOException {
    return List.of(
        "qemu-system-x86_64",
        "-accel",
        "tcg",
        "-smp",
        "2",
        "-m",
        "512",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-rtc",
        "base=" + CLOCK.format(Instant.now().minus(1, ChronoUnit.HOURS).atOffset(ZoneOffset.UTC)),
        "-kernel",
        Initramfs.kernel().toString(),
        "-initrd",
        initramfs.toString(),
        "-append",
        "console=ttyS0 panic=-1",
        "-serial",
        "file:" + console,
        "-serial",
        "file:" + output,
        "-drive",
        "format=raw,if=virtio,discard=unmap,detect-zeroes=unmap,file=" + image,
        "-drive",
        "format=raw,if=virtio,readonly=on,file=" + Initramfs.FILES.resolve("tools.ext4"));
  }

  /** What has come over a serial line, whose lines end as a terminal's. */
  private static String read(Path line) throws IOException {
    return new String(Files.readAllBytes(line), StandardCharsets.ISO_8859_1).replace("\r", "");
  }
}
