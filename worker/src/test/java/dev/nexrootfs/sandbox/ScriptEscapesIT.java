package dev.nexrootfs.sandbox;

import static dev.nexrootfs.sandbox.Sandboxed.LIMITS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.sandbox.Sandboxed.Done;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a hostile script tries, and does not come to. */
@Tag("alone")
@Timeout(60)
class ScriptEscapesIT {
  @TempDir Path directory;
  private Path outside = Path.of("/nonexistent");

  @BeforeEach
  void makeOutside() throws IOException {
    outside = Files.createDirectory(directory.resolve("outside"));
    Files.writeString(outside.resolve("precious"), "precious");
    outside.toFile().setWritable(true, false);
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    Sandboxed.assertNothingLeft();
    assertThat(outside).isDirectoryContaining(file -> file.endsWith("precious"));
    assertThat(outside.toFile().list()).containsExactly("precious");
    assertThat(outside.resolve("precious")).hasContent("precious");
  }

  private Done run(String... lines) throws IOException {
    return Sandboxed.in(directory, LIMITS).run(lines);
  }

  @Test
  void writingThroughSymbolicLinksStaysInTheTree() throws IOException {
    Done done =
        run(
            "mkdir -p " + outside,
            "ln -s " + outside + " /srv; echo x > /srv/precious; echo x > /srv/more",
            "rm -r /etc; ln -s ../../../../../.." + outside + " /etc; echo y > /etc/third",
            "ln -s /proc/1/root" + outside + " /fourth; echo z > /fourth/file");
    assertThat(done.entry("./etc").displayLinkName()).endsWith(outside.toString());
  }

  @Test
  void treeWithLinksToTheOutsideIsUnpackedInside() throws IOException {
    Sandboxed sandbox = Sandboxed.in(directory, LIMITS);
    sandbox.add("/out", sandbox.link(outside.toString()));
    sandbox.add("/etc/up", sandbox.link("../../../../../../../.." + outside));
    assertThat(sandbox.run("echo x > /out/file; echo x > /etc/up/file; true").names()).isEmpty();
  }

  @Test
  void procAndSysAreNoWayOut() throws IOException {
    String pattern = Files.readString(Path.of("/proc/sys/kernel/core_pattern"));
    Done done =
        run(
            "echo '|/bin/true' > /proc/sys/kernel/core_pattern && echo ESCAPED core_pattern",
            "echo b > /proc/sysrq-trigger && echo ESCAPED sysrq",
            "echo x > /proc/sys/kernel/modprobe && echo ESCAPED modprobe",
            "echo 1 > /proc/sys/vm/drop_caches && echo ESCAPED drop_caches",
            "ls /sys/kernel && echo ESCAPED sys",
            "mkdir /sys/x && echo ESCAPED write to sys",
            "cat /proc/kcore | head -c 1 | grep -q . && echo ESCAPED kcore",
            "ls /proc/1/root" + outside + " && echo ESCAPED root of 1",
            "for p in /proc/[0-9]*; do ls $p/root" + outside + " && echo ESCAPED $p; done",
            "for f in /proc/self/fd/*; do readlink $f; done; true");
    assertThat(done.output()).doesNotContain("ESCAPED").doesNotContain("nex-rootfs-script/");
    assertThat(Path.of("/proc/sys/kernel/core_pattern")).hasContent(pattern.strip());
  }

  @Test
  void nothingCanBeMounted() throws IOException {
    Done done =
        run(
            "mkdir /m",
            "mount -t tmpfs x /m && echo ESCAPED tmpfs",
            "mount -t proc x /m && echo ESCAPED proc",
            "mount -t sysfs x /m && echo ESCAPED sysfs",
            "mount --bind / /m && echo ESCAPED bind",
            "mount -o remount,rw /sys && echo ESCAPED remount",
            "umount -l /proc && echo ESCAPED umount",
            "unshare -U -r -m sh -c 'mount -t tmpfs x /m' && echo ESCAPED unshare",
            "unshare -U true && echo ESCAPED user namespace",
            "unshare -n true && echo ESCAPED network namespace",
            "nsenter -t 1 -m true && echo ESCAPED nsenter",
            "true");
    assertThat(done.output()).doesNotContain("ESCAPED").contains("not permitted");
  }

  @Test
  void noDeviceCanBeMade() throws IOException {
    Done done =
        run(
            "mknod /disk b 8 0 && echo ESCAPED disk",
            "mknod /mem c 1 1 && echo ESCAPED mem",
            "mknod /dev/mem c 1 1 && echo ESCAPED dev",
            "ls /dev");
    assertThat(done.output()).doesNotContain("ESCAPED");
    assertThat(done.output().lines())
        .contains("null", "zero", "urandom")
        .doesNotContain("mem", "kmsg", "sda", "vda", "kvm", "fuse", "loop0");
  }

  @Test
  void theWorkerCanNeitherBeSeenNorEnded() throws IOException {
    long worker = ProcessHandle.current().pid();
    Done done =
        run(
            "kill -9 " + worker + " && echo ESCAPED kill",
            "ls -d /proc/" + worker + " && echo ESCAPED proc",
            "ps | grep -q [j]ava && echo ESCAPED ps",
            "cat /proc/" + worker + "/environ /proc/" + worker + "/mem && echo ESCAPED mem",
            "ls /proc | grep -c '^[0-9]'");
    assertThat(done.output()).doesNotContain("ESCAPED");
    // kill -1 goes to all that a process may see, and that is the script.
    assertThat(run("sleep 98 & kill -9 -1; echo alive").output()).isEqualTo("alive");
  }

  @Test
  void noEnvironmentTellsOfTheWorker() throws IOException {
    Done done = run("cat /proc/*/environ | tr '\\0' '\\n'; env");
    for (Map.Entry<String, String> variable : System.getenv().entrySet()) {
      if (variable.getValue().length() > 8 && !variable.getKey().equals("PATH")) {
        assertThat(done.output()).doesNotContain(variable.getKey() + "=" + variable.getValue());
      }
    }
    assertThat(done.output()).contains("SOURCE_DATE_EPOCH");
  }

  @Test
  void nothingOfThisMachineCanBeRead() throws IOException {
    Done done =
        run(
            "ls -a / | grep -vxE '\\.|\\.\\.|bin|dev|etc|proc|root|run|sys|tmp'",
            "ls -A /root /etc /run /tmp",
            "cat /proc/self/mountinfo");
    assertThat(done.output()).doesNotContain(directory.toString()).doesNotContain("shadow");
  }

  @Test
  void servicesOnTheLoopbackCannotBeReached() throws IOException {
    try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      server.setSoTimeout(100);
      Done done =
          run(
              "nc -w 2 127.0.0.1 " + server.getLocalPort() + " < /dev/null && echo ESCAPED",
              "ip addr; true");
      assertThat(done.output()).doesNotContain("ESCAPED").doesNotContain("eth0");
      org.assertj.core.api.Assertions.assertThatThrownBy(server::accept)
          .isInstanceOf(java.net.SocketTimeoutException.class);
    }
  }

  @Test
  void theNatsServerCanBeReachedOnlyWithTheNetwork() throws IOException {
    try (NatsServer server = NatsServer.start()) {
      String port = server.url().replaceFirst(".*:", "");
      String[] script = {"nc -w 2 127.0.0.1 " + port + " < /dev/null | head -c 5; true"};
      assertThat(run(script).output()).doesNotContain("INFO");
      Done open = Sandboxed.in(directory, LIMITS).run(true, script);
      assertThat(open.output()).contains("INFO");
    }
  }

  @Test
  void daemonLeftBehindEndsWithTheScript() throws IOException {
    Done done =
        run(
            "setsid sh -c 'trap \"\" HUP TERM; exec > /dev/null 2>&1 < /dev/null; sleep 98765' &",
            "(sleep 98765 &) ; echo done");
    assertThat(done.output()).isEqualTo("done");
  }

  @Test
  void daemonWritesNothingAfterTheScriptsEnd() throws IOException {
    Done done =
        run("(exec > /dev/null 2>&1; while :; do echo x >> /root/log; done) &", "sleep 0.2");
    assertThat(done.entries()).containsKey("./root/log");
  }
}
