package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Builds with a script, by the program as its users run it, as each kind of user. */
@Tag("alone")
@Timeout(180)
class ScriptIT {
  /** Made by {@code make test}, with subordinate ids. */
  private static final String USER = "nexscript";

  /** Nobody has it, and so it has nothing. */
  private static final String NOBODY = "64321";

  private static final Path BUSYBOX = Path.of("..", ".cache", "vm", "busybox", "bin", "busybox");

  @TempDir Path directory;
  private Path image = Path.of("/nonexistent");
  private byte[] tree = {};

  @BeforeEach
  void makeImage() throws IOException {
    Assumptions.assumeTrue(
        Files.exists(BUSYBOX), "needs " + BUSYBOX + ", which is not there; make test fetches it");
    Command.require("bwrap");
    Command.require("newuidmap");
    byte[] program = Files.readAllBytes(BUSYBOX);
    Tar tar = new Tar().directory("bin/").directory("etc/");
    tar.raw(Tar.header("bin/busybox", '0', 0755, 0, 0, program.length, ""));
    tar.raw(program).raw(new byte[-program.length & 511]);
    for (String name : List.of("sh", "cat", "mkdir", "sleep", "id", "rm", "chown")) {
      tar.link("bin/" + name, "busybox");
    }
    tar.file("etc/motd", "hello\n").file("etc/last", "x".repeat(10_000));
    tree = tar.bytes();
    image = OciImages.in(directory.resolve("image")).layer(tree).write();
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxrwxrwx"));
  }

  private Path script(String... lines) throws IOException {
    Path script = Files.createTempFile(directory, "script", ".sh");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rw-r--r--"));
    return Files.writeString(script, "#!/bin/sh\nset -e\n" + String.join("\n", lines) + "\n");
  }

  private Object[] build(String name, Object... flags) {
    List<Object> words =
        new ArrayList<>(
            List.of("build", "--image", "oci:" + image, "--cache", directory.resolve(name + ".d")));
    words.addAll(List.of("--agent", BUSYBOX.toAbsolutePath(), "--json"));
    words.addAll(List.of("--output", directory.resolve(name)));
    List<Object> more = List.of(flags);
    words.addAll(more);
    words.addAll(more.contains("--size") ? List.of() : List.of("--size", "64MiB"));
    return words.toArray();
  }

  private static Command.Result as(String user, Object... arguments) {
    Assumptions.assumeTrue(
        System.getProperty("user.name", "").equals("root"), "needs root, to become " + user);
    String id = user;
    String group = user;
    if (user.equals(USER)) {
      Command.Result known = Command.of("id", "-u", USER).run();
      Assumptions.assumeTrue(known.exit() == 0, "needs the user " + USER + "; make test adds it");
      id = known.output().strip();
      group = Command.of("id", "-g", USER).run().output().strip();
    }
    List<Object> words =
        new ArrayList<>(List.of("setpriv", "--reuid", id, "--regid", group, "--clear-groups"));
    words.addAll(Program.words(List.of(), arguments));
    return Command.of(words.toArray()).timeout(120).variable("NATS_PASSWORD", "hunter2").run();
  }

  @Test
  void rootRunsScriptsInNamespacesOfOtherIds() throws IOException {
    Command.Result built = as("0", build("root.ext4", "--script", script("id; mkdir /srv")));
    assertThat(built.orThrow().output()).contains("\"isolation\":\"userns-root\"", "uid=0");
    E2fsck.check(directory.resolve("root.ext4"));
  }

  @Test
  void scriptWhoseInterpreterIsNotInTheImageIsToldSo() throws IOException {
    Path script = Files.writeString(directory.resolve("nope.sh"), "#!/bin/nope -x\ntrue\n");
    Command.Result built = as("0", build("nope.ext4", "--script", script));
    assertThat(built.exit()).isEqualTo(1);
    assertThat(built.output()).contains("SCRIPT_FAILED", "its interpreter, /bin/nope -x, is not");
    assertThat(directory.resolve("nope.ext4")).doesNotExist();
  }

  @Test
  void environmentOfTheImageIsTheScriptsAndPartOfItsKey() throws IOException {
    Path script = script("echo \"it is $FLAVOR\" > /etc/flavor; cat /etc/flavor");
    for (String flavor : List.of("sour", "sweet")) {
      OciImages.in(directory.resolve("image"))
          .config("{\"Env\":[\"FLAVOR=" + flavor + "\",\"NOTHING\"]}")
          .layer(tree)
          .write();
      Command.Result built = as("0", build("env.ext4", "--script", script)).orThrow();
      assertThat(built.output()).contains("it is " + flavor, "\"cached\":false");
    }
  }

  @Test
  void userWithSubordinateIdsRunsScriptsToTheSameImage() throws IOException {
    Path script =
        script("mkdir /srv; cat /etc/motd > /srv/x; chown 65535:1 /srv/x; cat /proc/*/environ");
    Command.Result user = as(USER, build("user.ext4", "--script", script));
    assertThat(user.orThrow().output())
        .contains("\"isolation\":\"userns\"")
        .doesNotContain("hunter2");
    as("0", build("root.ext4", "--script", script)).orThrow();
    assertThat(directory.resolve("user.ext4"))
        .hasSameBinaryContentAs(directory.resolve("root.ext4"));
    assertThat(debugfs("user.ext4", "stat /srv/x")).contains("User: 65535   Group:     1");
  }

  @Test
  void userWithNeitherIsToldTheRemedyAndBuildsTheRest() throws IOException {
    Command.Result refused = as(NOBODY, build("not.ext4", "--script", script("true")));
    assertThat(refused.exit()).isEqualTo(1);
    assertThat(refused.output())
        .contains("SCRIPT_UNSUPPORTED", "/etc/subuid", "usermod --add-subuids");
    assertThat(directory.resolve("not.ext4")).doesNotExist();
    as(NOBODY, build("nobody.ext4")).orThrow();
    E2fsck.check(directory.resolve("nobody.ext4"));
  }

  @Test
  void whatTheScriptDidNotTouchStandsWhereItStandsWithoutOne() throws IOException {
    Program.run(build("without.ext4")).orThrow();
    Program.run(
            build(
                "with.ext4",
                "--script",
                script("mkdir /srv; cat /bin/busybox > /srv/new; rm /etc/motd")))
        .orThrow();
    for (String path :
        List.of("/bin/busybox", "/etc/last", "/usr/local/bin/agent", "/etc/init.d/agent")) {
      String blocks = debugfs("without.ext4", "blocks " + path);
      assertThat(blocks).as(path).isNotBlank();
      assertThat(debugfs("with.ext4", "blocks " + path)).as(path).isEqualTo(blocks);
      assertThat(debugfs("with.ext4", "cat " + path))
          .isEqualTo(debugfs("without.ext4", "cat " + path));
    }
    assertThat(debugfs("with.ext4", "stat /etc/motd")).contains("not found");
  }

  @Test
  void guestAddsOnlyWhatTheScriptLeftOut() throws IOException {
    Path script =
        script(
            "mkdir -p /etc/init.d /etc/runlevels/default",
            "echo '#!/sbin/openrc-run' > /etc/init.d/agent",
            "echo nex:x:1000:1000:Mine:/home/nex:/bin/sh > /etc/passwd");
    Program.run(build("own.ext4", "--script", script)).orThrow();
    assertThat(debugfs("own.ext4", "cat /etc/init.d/agent")).endsWith("#!/sbin/openrc-run\n");
    assertThat(debugfs("own.ext4", "cat /etc/passwd").lines().filter(line -> line.contains("nex:")))
        .containsExactly("nex:x:1000:1000:Mine:/home/nex:/bin/sh");
    assertThat(debugfs("own.ext4", "cat /etc/group")).contains("nex:x:1000:");
  }

  @Test
  void sameScriptOnTheSameTreeDoesNotRunAgain() throws IOException {
    Path script = script("cat /proc/sys/kernel/random/uuid > /id; echo I ran");
    Command.Result first = Program.run(build("same.ext4", "--script", script)).orThrow();
    assertThat(first.output()).contains("\"cached\":false,\"output\":\"I ran\"");
    String id = debugfs("same.ext4", "cat /id");
    Command.Result second =
        Program.run(build("same.ext4", "--script", script, "--size", "80MiB")).orThrow();
    assertThat(second.output()).contains("\"cached\":true,\"output\":\"I ran\"");
    assertThat(debugfs("same.ext4", "cat /id")).isEqualTo(id);
  }

  @Test
  void verificationListsWhatDiffers() throws IOException {
    Path script =
        script("mkdir /srv; cat /proc/sys/kernel/random/uuid > /srv/id; echo same > /srv/same");
    Command.Result differs = Program.run(build("v.ext4", "--script", script, "--verify-script"));
    assertThat(differs.exit()).isEqualTo(1);
    assertThat(differs.output())
        .contains("SCRIPT_DIFFERS", "/srv/id: content")
        .doesNotContain("/srv/same");
    Program.run(build("w.ext4", "--script", script("mkdir /srv"), "--verify-script")).orThrow();
  }

  @Test
  void killedProgramLeavesNoProcess() throws Exception {
    List<String> words = new ArrayList<>();
    Program.words(List.of(), build("k.ext4", "--script", script("sleep 98767")))
        .forEach(word -> words.add(word.toString()));
    Process program =
        new ProcessBuilder(words)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("log").toFile())
            .start();
    await(true, "sleep 98767");
    program.destroyForcibly().waitFor();
    await(false, "sleep 98767");
    assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).doesNotContain("nex-rootfs");
  }

  private static void await(boolean there, String command) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (Command.of("pgrep", "-fx", command).run().output().isEmpty() == there) {
      assertThat(System.nanoTime()).as(command + " there: " + there).isLessThan(end);
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
    }
  }

  private String debugfs(String name, String request) {
    return Command.of("debugfs", "-R", request, directory.resolve(name)).run().output();
  }
}
