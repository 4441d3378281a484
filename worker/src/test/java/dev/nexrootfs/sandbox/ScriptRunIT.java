package dev.nexrootfs.sandbox;

import static dev.nexrootfs.sandbox.Sandboxed.LIMIT;
import static dev.nexrootfs.sandbox.Sandboxed.LIMITS;
import static dev.nexrootfs.sandbox.Sandboxed.TIME;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.sandbox.Sandboxed.Done;
import dev.nexrootfs.sandbox.ScriptException.Reason;
import dev.nexrootfs.tar.TarEntry;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.RegularFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What of a script's work comes into its layer. */
@Tag("alone")
@Timeout(120)
class ScriptRunIT {
  @TempDir Path directory;
  private @Nullable Sandboxed opened;

  @BeforeEach
  void open() throws IOException {
    opened = Sandboxed.in(directory, LIMITS);
  }

  private Sandboxed sandbox() {
    return java.util.Objects.requireNonNull(opened);
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    Sandboxed.assertNothingLeft();
  }

  @Test
  void scriptThatDoesNothingChangesNothing() throws IOException {
    Done done = sandbox().run("echo nothing to do");
    assertThat(done.names()).isEmpty();
    assertThat(done.output()).isEqualTo("nothing to do");
  }

  @Test
  void everythingATreeHoldsComesBackAsItWas() throws IOException {
    byte[] capability = {1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    byte[] acl = {
      2, 0, 0, 0, 1, 0, 6, 0, -1, -1, -1, -1, 2, 0, 4, 0, 12, 0, 0, 0, 4, 0, 4, 0, -1, -1, -1, -1,
      16, 0, 4, 0, -1, -1, -1, -1, 32, 0, 4, 0, -1, -1, -1, -1
    };
    sandbox().add("/opt/setuid", sandbox().file(06755, 65_535, ByteContent.of("x")));
    sandbox()
        .add("/opt/caps", sandbox().file(0755, "c", Map.of("security.capability", capability)));
    sandbox()
        .add(
            "/opt/xattrs",
            sandbox()
                .file(0644, "x", Map.of("user.note", new byte[] {0, -1}, "trusted.t", capability)));
    sandbox().add("/opt/acl", sandbox().file(0644, "a", Map.of("system.posix_acl_access", acl)));
    RegularFile linked = sandbox().file(0600, 3, ByteContent.of("linked"));
    sandbox().add("/opt/one", linked);
    sandbox().add("/opt/two", linked);
    sandbox().add("/opt/fifo", sandbox().device(DeviceNode.Type.FIFO, 0, 0));
    sandbox().add("/opt/disk", sandbox().device(DeviceNode.Type.BLOCK, 8, 1));
    sandbox().add("/opt/far", sandbox().link("/".repeat(4000) + "etc"));
    sandbox().add("/opt/\u00fc \u4e16\u754c", sandbox().link("../nowhere"));
    sandbox()
        .add(
            "/opt/old",
            new RegularFile(
                Attributes.of(0644, 0, 0, java.time.Instant.parse("1955-11-05T06:00:00.5Z")),
                sandbox().tree.nextSequence(),
                new ByteContent(new byte[100_000])));
    assertThat(sandbox().run("true").names()).isEmpty();
  }

  @Test
  void whatIsAddedChangedAndRemovedIsTheLayer() throws IOException {
    sandbox().add("/opt/stays", sandbox().file(0644, 0, ByteContent.of("same")));
    sandbox().add("/opt/goes", sandbox().file(0644, 0, ByteContent.of("gone")));
    sandbox().add("/opt/dir/below", sandbox().file(0644, 0, ByteContent.of("gone")));
    sandbox().add("/opt/mode", sandbox().file(0644, 0, ByteContent.of("mode")));
    Done done =
        sandbox()
            .run(
                "echo changed > /etc/motd",
                "rm /opt/goes && rm -r /opt/dir",
                "chmod 4755 /opt/mode && chown 65535:12 /opt/mode && chmod 4755 /opt/mode",
                "mkdir -p /srv/new && echo new > /srv/new/file && ln /srv/new/file /srv/new/link",
                "ln -s nowhere /srv/symlink && mkfifo /srv/fifo");
    assertThat(done.names())
        .containsExactly(
            "./etc/",
            "./etc/motd",
            "./opt/",
            "./opt/.wh.dir",
            "./opt/.wh.goes",
            "./opt/mode",
            "./srv/",
            "./srv/fifo",
            "./srv/new/",
            "./srv/new/file",
            "./srv/new/link",
            "./srv/symlink");
    assertThat(done.contents()).containsEntry("./etc/motd", "changed\n");
    TarEntry mode = done.entry("./opt/mode");
    assertThat(mode.permissions()).isEqualTo(04755);
    assertThat(mode.uid()).isEqualTo(65_535);
    assertThat(mode.gid()).isEqualTo(12);
    assertThat(mode.mtime()).isEqualTo(TIME);
    assertThat(done.entry("./srv/new/link").type()).isEqualTo(TarEntry.Type.HARD_LINK);
    assertThat(done.entry("./srv/new/file").mtime()).isEqualTo(LIMIT);
  }

  @Test
  void contentsCountAndNotWhatWasDoneInBetween() throws IOException {
    // busybox sets times to the second.
    Attributes attributes = Attributes.of(0644, 0, 0, java.time.Instant.ofEpochSecond(1_000_000));
    sandbox()
        .add(
            "/etc/file",
            new RegularFile(attributes, sandbox().tree.nextSequence(), ByteContent.of("hello\n")));
    Done done =
        sandbox()
            .run(
                "cp -p /etc/file /root/copy && echo other > /etc/file && rm /etc/file",
                "cp -p /root/copy /etc/file && rm /root/copy");
    assertThat(done.names()).containsExactly("./etc/", "./root/");
  }

  @Test
  void newNameOfAnOldFileIsAHardLinkToIt() throws IOException {
    Done done = sandbox().run("ln /bin/busybox /root/tool");
    TarEntry tool = done.entry("./root/tool");
    assertThat(tool.type()).isEqualTo(TarEntry.Type.HARD_LINK);
    assertThat(tool.displayLinkName()).isEqualTo("./bin/busybox");
    assertThat(done.entries()).doesNotContainKey("./bin/busybox");
  }

  @Test
  void removedDeviceIsGone() throws IOException {
    sandbox().add("/opt/disk", sandbox().device(DeviceNode.Type.BLOCK, 8, 1));
    assertThat(sandbox().run("rm /opt/disk").names()).containsExactly("./opt/", "./opt/.wh.disk");
  }

  @Test
  void whatIsWrittenToCoveredDirectoriesIsNotKept() throws IOException {
    assertThat(sandbox().run("echo x > /tmp/x; echo x > /run/x; echo x > /dev/shm/x").names())
        .isEmpty();
  }

  @Test
  void namesOfTheNetworkAreFoundAndNotKept() throws IOException {
    sandbox().add("/etc/resolv.conf", sandbox().link("/proc/net/pnp"));
    Done done = sandbox().run(true, "cat /etc/resolv.conf /etc/hosts > /root/seen");
    assertThat(done.names()).containsExactly("./root/", "./root/seen");
    assertThat(done.contents().get("./root/seen"))
        .isEqualTo(
            java.nio.file.Files.readString(Path.of("/etc/resolv.conf"))
                + java.nio.file.Files.readString(Path.of("/etc/hosts")));
  }

  @Test
  void coveredDirectoriesNeedNotBeThere() throws IOException {
    sandbox().tree.remove(sandbox().tree.root(), dev.nexrootfs.tree.Name.of("run"));
    sandbox().tree.remove(sandbox().tree.root(), dev.nexrootfs.tree.Name.of("tmp"));
    sandbox().add("/tmp", sandbox().link("/root"));
    assertThat(sandbox().run("echo x > /run/x; echo x > /tmp/x").names()).isEmpty();
  }

  @Test
  void deterministicScriptGivesTheSameBytesEachTime() throws IOException {
    String[] script = {
      "mkdir /srv; for i in $(seq 100); do echo $i > /srv/$i; done; date > /dev/null"
    };
    assertThat(sandbox().run(script).entries().values())
        .usingRecursiveFieldByFieldElementComparator()
        .containsExactlyElementsOf(sandbox().run(script).entries().values());
  }

  @Test
  void ownerPast65535IsRefusedByName() throws IOException {
    sandbox().add("/opt/far", sandbox().file(0644, 65_536, ByteContent.of("x")));
    ScriptException failure = sandbox().failure("true");
    assertThat(failure.reason()).isEqualTo(Reason.TREE);
    assertThat(failure).hasMessageContaining("/opt/far: uid 65536");
  }

  @Test
  void fileNamedLikeAWhiteoutIsRefusedByName() throws IOException {
    ScriptException failure = sandbox().failure("touch /etc/.wh.motd");
    assertThat(failure.reason()).isEqualTo(Reason.TREE);
    assertThat(failure).hasMessageContaining("/etc/.wh.motd");
  }

  @Test
  void exitStatusAndTheEndOfTheOutputAreTold() throws IOException {
    ScriptException failure = sandbox().failure("seq 10000; echo last words >&2; exit 42");
    assertThat(failure.reason()).isEqualTo(Reason.FAILED);
    assertThat(failure).hasMessageContaining("exit status 42").hasMessageEndingWith("last words");
    assertThat(failure.toString().length()).isLessThan(2000);
  }

  @Test
  void environmentOfTheImageAddsAndWinsButForTheTime() throws IOException {
    Map<String, String> image =
        Map.of("PATH", "/bin", "TZ", "CET", "TEXT", "a\nb='c'", "SOURCE_DATE_EPOCH", "1");
    Done done = sandbox().environment(image).run("env");
    assertThat(done.output() + "\n")
        .contains("PATH=/bin\n", "TZ=CET\n", "TEXT=a\nb='c'\n", "HOME=/root\n")
        .contains("SOURCE_DATE_EPOCH=" + LIMIT.getEpochSecond() + "\n");
  }

  @Test
  void scriptFindsNothingButTheDocumentedEnvironment() throws IOException {
    Done done = sandbox().run("env; id; pwd; umask; hostname; readlink /proc/self/fd/0");
    assertThat(done.output().lines().filter(line -> !line.startsWith("SHLVL=")))
        .containsExactlyInAnyOrder(
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME=/root",
            "USER=root",
            "LANG=C.UTF-8",
            "TZ=UTC",
            "PWD=/",
            "SOURCE_DATE_EPOCH=" + LIMIT.getEpochSecond(),
            "uid=0(root) gid=0(root)".replaceAll("\\(root\\)", ""),
            "/",
            "0022",
            "nex-rootfs",
            "/dev/null");
  }

  @Test
  void secretsAreStruckOutOfTheOutput() throws IOException {
    Done done =
        sandbox()
            .run(
                "echo fetch https://joe:hunter2@example.com/x",
                "echo DB_PASSWORD=hunter3 and more",
                "echo Authorization: Bearer hunter4",
                "printf '\\033[31mred\\033[0m\\a\\n'");
    assertThat(done.output())
        .isEqualTo(
            "fetch https://***@example.com/x\nDB_PASSWORD=*** and more\nAuthorization: Bearer ***\nred");
  }

  @Test
  void sevenThousandFilesOf200MegabytesTakeLessThanThreeSeconds() throws IOException {
    Random random = new Random(1);
    byte[] bytes = new byte[29_000];
    for (int i = 0; i < 7000; i++) {
      random.nextBytes(bytes);
      sandbox().add("/srv/" + i / 100 + "/" + i, sandbox().file(0644, 0, new ByteContent(bytes)));
    }
    long start = System.nanoTime();
    Done done = sandbox().run("echo x > /srv/70/new; mkdir /srv/70; echo x > /srv/70/new");
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    System.out.println("7000 files of 203 MB in and out: " + millis + " ms");
    assertThat(done.names()).containsExactly("./srv/", "./srv/70/", "./srv/70/new");
    assertThat(millis).isLessThan(3000L * Integer.getInteger("nex-rootfs.patience", 1));
  }
}
