package dev.nexrootfs.build;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.BootedGuest;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.FileSpec;
import dev.nexrootfs.protocol.Finding;
import dev.nexrootfs.protocol.Guest;
import dev.nexrootfs.protocol.Lint;
import dev.nexrootfs.protocol.Network;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.ReplyMode;
import dev.nexrootfs.protocol.Size;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Images boot by their own init, which starts the agent as nex. The agent of these tests is a shell
 * script behind an ELF program; what it has to say on a serial line, a setuid program says for it.
 */
@Tag("alone")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class GuestBootIT {
  /** Each boot appends to a file, so that the next knows which it is. */
  private static final String AGENT_SCRIPT =
      """
      PATH=/usr/sbin:/usr/bin:/sbin:/bin:/opt
      export PATH
      cd /home/nex || exit
      echo "boot" >>boots
      boot=$(wc -l <boots)
      echo "agent of boot $((boot)) runs as $(id -un):$(id -gn)"
      echo "boot script ran $(wc -l </var/boot-script-runs) times before it"
      sync
      /opt/report
      while :; do sleep 60; done
      """;

  private static final String BOOT_SCRIPT = "echo ran >>/var/boot-script-runs\n";

  /** Waits for the console's login before it ends the machine, or writes until it is killed. */
  private static final String REPORT_SCRIPT =
      """
      PATH=/usr/sbin:/usr/bin:/sbin:/bin:/opt
      export PATH
      exec >/dev/ttyS1 2>&1
      cat /home/nex/nex.log
      until cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -q 'getty.*ttyS0'; do sleep 1; done
      echo "a getty is on ttyS0"
      for place in /proc /sys /dev /run; do
        grep -q " $place " /proc/mounts && echo "$place is mounted"
      done
      if grep -q report=cut /proc/cmdline; then
        dd if=/dev/zero of=/home/kept bs=1M count=8 2>/dev/null
        sync
        while :; do
          mkdir /home/lost && cp /etc/passwd /home/lost && mv /home/lost /home/lost2 && rm -r /home/lost2
          sync
          echo "cut here"
        done
      fi
      echo "powering off"
      %s
      """;

  @TempDir Path directory;

  @BeforeEach
  void requirePrograms() {
    BootedGuest.require();
  }

  @Test
  @Order(1) // the longest
  @Execution(ExecutionMode.CONCURRENT) // an emulated machine keeps one core busy
  void debianOfTheExampleStartsTheAgentAgainAfterPowerOffAndAfterPowerLoss() throws Exception {
    String script = Files.readString(Path.of("..", "deploy", "examples", "debian.sh"));
    Path image =
        buildByWorker(BootedGuest.base("openrc").toRealPath(), script, "openrc-shutdown -p now");
    Path other = directory.resolve("other.ext4");
    Command.of("cp", "--sparse=always", image, other).run().orThrow();
    CompletableFuture<BootedGuest.Result> off =
        CompletableFuture.supplyAsync(() -> untilPowerOff(image));

    BootedGuest guest = BootedGuest.of(other, Files.createDirectory(directory.resolve("other")));
    BootedGuest.Result cut = guest.killedAt("cut here", "report=cut");
    assertThat(cut.said()).contains("agent of boot 1 runs as nex:nex");
    assertThat(Command.of("dumpe2fs", "-h", other).run().orThrow().output())
        .contains("needs_recovery");
    runsWell(guest.untilPowerOff(), 2);
    E2fsck.checkUsed(other);

    runsWell(off.get(300, TimeUnit.SECONDS), 1);
    E2fsck.checkUsed(image);
    assertThat(Command.of("debugfs", "-R", "cat /home/nex/nex.log", image).run().orThrow().output())
        .contains("agent of boot 1 runs as nex:nex");
  }

  private BootedGuest.Result untilPowerOff(Path image) {
    try {
      return BootedGuest.of(image, directory).untilPowerOff();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT) // an emulated machine keeps one core busy
  void busyboxInitUnderOpenRcStartsTheAgent() throws Exception {
    Path image = build("oci:" + BootedGuest.base("busybox-openrc"), "busybox poweroff");
    runsWell(BootedGuest.of(image, directory).untilPowerOff(), 1);
    E2fsck.checkUsed(image);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT) // an emulated machine keeps one core busy
  void busyboxAloneStartsTheAgent() throws Exception {
    Path base = directory.resolve("base");
    Tar layer =
        new Tar().directory("bin/").program("bin/busybox", BootedGuest.busybox()).directory("opt/");
    // For the scripts of this test; what the guest itself needs it finds in busybox.
    for (String command : List.of("cat cp dd grep id mkdir mv rm sleep sync tr wc".split(" "))) {
      layer.link("opt/" + command, "/bin/busybox");
    }
    OciImages.in(base).layer(layer.bytes()).write();
    Path image = build("oci:" + base, "/bin/busybox poweroff");
    runsWell(BootedGuest.of(image, directory).untilPowerOff(), 1);
    E2fsck.checkUsed(image);
  }

  @Test
  @Execution(ExecutionMode.CONCURRENT) // an emulated machine keeps one core busy
  void systemdStartsTheAgent() throws Exception {
    Path image = build("oci:" + BootedGuest.base("systemd"), "systemctl poweroff");
    runsWell(BootedGuest.of(image, directory).untilPowerOff(), 1);
    E2fsck.checkUsed(image);
  }

  private static void runsWell(BootedGuest.Result result, int boot) {
    assertThat(result.said().lines())
        .as(result.console())
        .contains(
            "agent of boot " + boot + " runs as nex:nex",
            "boot script ran 1 times before it",
            "a getty is on ttyS0",
            "/proc is mounted",
            "/sys is mounted",
            "/dev is mounted",
            "/run is mounted",
            "powering off");
  }

  /** An image of {@code base} with the tests' agent; nothing is found that would keep it back. */
  private Path build(String base, String powerOff) throws Exception {
    Path image = directory.resolve("rootfs.ext4");
    LayerCache cache =
        new LayerCache(new CacheDirectory(directory.resolve("cache"), 1L << 32), 1 << 30);
    RootfsBuild build =
        new RootfsBuild(
            cache,
            new Inputs(cache, PathPolicy.ALL, BucketInputs.NONE, Optional.empty()),
            "test",
            1L << 40,
            Optional.empty(),
            ScriptStep.NONE);
    BuildReply reply =
        build.run("id", request(base, null, powerOff), new FileSink(image), Progress.NONE).reply();
    assertThat(reply.findings()).extracting(Finding::level).doesNotContain(Finding.Level.ERROR);
    return image;
  }

  /** The same by a worker, as a user of the NATS command line asks it, after a setup script. */
  private Path buildByWorker(Path base, String script, String powerOff) throws Exception {
    Command.require("nats");
    Command.require("bwrap");
    Path image = directory.resolve("rootfs.ext4");
    try (NatsServer server = NatsServer.start();
        Program worker =
            Program.worker(
                server.url(),
                directory.resolve("worker"),
                List.of(),
                Map.of(),
                "--allow-path",
                base.toString(),
                "--allow-path",
                directory.toRealPath().toString())) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      String body = new String(Protocol.write(request("oci:" + base, script, powerOff)), UTF_8);
      String answer =
          nats(server, "req", "--raw", "nex.rootfs.build", body, "--timeout", "120s").output();
      assertThat(answer).as(worker.log()).contains("\"location\"");
      BuildReply reply = Protocol.read(answer.getBytes(UTF_8), BuildReply.class);
      assertThat(reply.script()).isNotNull();
      assertThat(reply.findings()).extracting(Finding::level).doesNotContain(Finding.Level.ERROR);
      nats(
          server,
          "object",
          "get",
          reply.bucket(),
          reply.object(),
          "--output",
          image,
          "--no-progress");
      assertThat(worker.stop()).isZero();
    }
    return image;
  }

  private static Command.Result nats(NatsServer server, Object... arguments) {
    List<Object> words = new ArrayList<>(List.of("nats", "--no-context", "--server", server.url()));
    words.addAll(List.of(arguments));
    return Command.of(words.toArray()).timeout(180).run().orThrow();
  }

  private BuildRequest request(String base, @Nullable String script, String powerOff)
      throws Exception {
    Path agent = Files.write(directory.resolve("agent"), Elf.shellOf("/bin/sh", "/opt/agent.sh"));
    Path report =
        Files.write(directory.resolve("report"), Elf.shellOf("/bin/sh", "/opt/report.sh"));
    return new BuildRequest(
        base,
        agent.toString(),
        script,
        Network.NONE,
        Size.parse("free=64MiB"),
        "linux/amd64",
        Guest.NEX,
        List.of(
            new FileSpec("/opt/agent.sh", AGENT_SCRIPT, null, null, null, null),
            new FileSpec(
                "/opt/report.sh", REPORT_SCRIPT.formatted(powerOff), null, null, null, null),
            new FileSpec("/opt/report", null, report.toString(), "4755", null, null)),
        "rootfs",
        "latest",
        "default",
        ReplyMode.FINAL,
        null,
        List.of("ext4"),
        BOOT_SCRIPT,
        "root",
        Lint.STRICT);
  }
}
