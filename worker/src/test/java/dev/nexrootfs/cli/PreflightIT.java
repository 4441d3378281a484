package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.store.Buckets;
import io.nats.client.Connection;
import io.nats.client.Message;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a node does before it starts, and what Nex says of it. */
@Timeout(600)
@SuppressWarnings("try") // A connection's close() can be interrupted.
class PreflightIT {
  private static final Path NODE = Path.of("../deploy/node");

  @TempDir Path directory;

  @Test
  void imageThatIsMissingIsBuiltWatchedFetchedAndThenFound() throws Exception {
    writeBase();
    Path file = directory.resolve("rootfs.ext4");
    try (NatsServer server = NatsServer.start()) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      Command.Result noWorker = preflight(server, "rootfs:v1", file, asking());
      assertThat(noWorker.exit()).as(noWorker.output()).isEqualTo(4);
      assertThat(noWorker.output()).contains("nobody serves nex.rootfs.build");
      try (Program worker = worker(server)) {
        Command.Result without = preflight(server, "rootfs:v1", file);
        assertThat(without.exit()).as(without.output()).isEqualTo(3);
        assertThat(without.output()).contains("without --agent none can be asked for");
        Command.Result check = preflight(server, "rootfs:v1", file, "--check");
        assertThat(check.exit()).as(check.output()).isEqualTo(3);
        assertThat(check.output()).contains("missing   nats://NEXROOTFS/rootfs_v1");
        assertThat(file).doesNotExist();

        Command.Result built = preflight(server, "rootfs:v1", file, asking());
        assertThat(built.exit()).as(built.output()).isZero();
        assertThat(built.output())
            .contains("% queued", "% store", "100% done", "built     nats://", "100% fetch")
            .contains("fetched   " + file);
        E2fsck.check(file);

        assertThat(preflight(server, "rootfs:v1", file).output()).contains("unchanged " + file);
        assertThat(preflight(server, "rootfs:v1", file, "--check").exit()).isZero();
        Command.Result again = preflight(server, "rootfs:v1", file, asking("--ask"));
        assertThat(again.output()).contains("found     nats://", "unchanged " + file);
        Files.writeString(file, "something else");
        Command.Result differs = preflight(server, "rootfs:v1", file, "--check");
        assertThat(differs.exit()).isEqualTo(3);
        assertThat(differs.output()).contains("differs   " + file);
        assertThat(file).hasContent("something else");
        assertThat(preflight(server, "rootfs:v1", file).output()).contains("fetched   " + file);
        E2fsck.check(file);

        Command.Result refused = preflight(server, "small:v1", file, askingFor("300KiB"));
        assertThat(refused.exit()).as(refused.output()).isEqualTo(4);
        assertThat(refused.output()).contains("TOO_SMALL");
        E2fsck.check(file);
        assertThat(worker.stop()).isZero();
      }
    }
  }

  /** Nex 0.2.7 downloads the one and compares it with the other: hexadecimal digits, no more. */
  @Test
  void compressedImageAndItsSumAreWhatNexDownloads() throws Exception {
    writeBase();
    try (NatsServer server = NatsServer.start()) {
      Program.run("setup", "--no-context", "--server", server.url()).orThrow();
      try (Program worker = worker(server);
          Connection client = NatsServer.connect(server.url())) {
        var unused =
            new Buckets(client)
                .open("NEXINPUTS")
                .putIfAbsent(
                    "nex-agent",
                    "",
                    Map.of(),
                    () -> new ByteArrayInputStream(Elf.amd64()),
                    bytes -> {});
        String request =
            "{\"image\":\"oci:"
                + base()
                + "\",\"agent\":\"nats://NEXINPUTS/nex-agent\",\"size\":33554432,"
                + "\"formats\":[\"ext4\",\"ext4.gz\"]}";
        Message answer =
            client.request(
                "nex.rootfs.build",
                request.getBytes(StandardCharsets.UTF_8),
                Duration.ofMinutes(2));
        assertThat(new String(answer.getData(), StandardCharsets.UTF_8)).contains("\"location\"");
        Path image = directory.resolve("rootfs.ext4");
        Path gz = directory.resolve("rootfs.linux.amd64.ext4.gz");
        Path sum = directory.resolve("rootfs.linux.amd64.ext4.gz.sha256");
        fetch(server, "rootfs:latest", image);
        fetch(server, "rootfs:latest.ext4.gz", gz);
        fetch(server, "rootfs:latest.ext4.gz.sha256", sum);
        assertThat(Files.readString(sum)).isEqualTo(Digest.sha256(Files.readAllBytes(gz)).hex());
        Command.of("sh", "-c", "gzip -dc \"$0\" | cmp - \"$1\"", gz, image).run().orThrow();
        assertThat(worker.stop()).isZero();
      }
    }
  }

  /** The rule of Nex 0.2.7: the file is satisfied when it is there, by its path alone. */
  @Test
  void nexFindsTheRootFileSystemWhereTheRecipePutsIt() throws Exception {
    String nex = System.getenv("NEX");
    org.junit.jupiter.api.Assumptions.assumeTrue(
        nex != null && Files.isExecutable(Path.of(nex)),
        "needs $NEX, a nex of version 0.2.7, which no distribution has");
    Path conf = directory.resolve("nex-0.2.7.json");
    String text = Files.readString(NODE.resolve("nex-0.2.7.json"));
    assertThat(text).contains("\"rootfs_filepath\": \"/var/lib/nex/rootfs.ext4\"");
    Files.writeString(conf, text.replace("/var/lib/nex", directory.toString()));
    Path file = directory.resolve("rootfs.ext4");
    assertThat(nexPreflight(nex, conf)).contains("Dependency Missing - Root Filesystem Template");
    try (NatsServer server = NatsServer.start();
        Connection client = NatsServer.connect(server.url())) {
      Buckets buckets = new Buckets(client);
      buckets.create("NEXROOTFS", "test", -1, 1);
      var unused =
          buckets
              .open("NEXROOTFS")
              .putIfAbsent(
                  "rootfs_latest",
                  "",
                  Map.of(),
                  () -> new ByteArrayInputStream(new byte[1 << 20]),
                  bytes -> {});
      assertThat(preflight(server, "rootfs", file).exit()).isZero();
    }
    assertThat(nexPreflight(nex, conf))
        .contains("Dependency Satisfied - " + file + " [Root Filesystem Template]");
  }

  private static String nexPreflight(String nex, Path conf) {
    return Command.of(
            nex, "node", "preflight", "--check", "--install_version", "0.2.7", "--config", conf)
        .run()
        .output()
        .replaceAll("\u001b\\[[0-9;]*m", "");
  }

  @Test
  void unitsAreWhatSystemdUnderstands() throws Exception {
    Command.require("systemd-analyze");
    Path program = Files.createFile(directory.resolve("nex-rootfs"));
    assertThat(program.toFile().setExecutable(true)).isTrue();
    List<Object> words = new ArrayList<>(List.of("systemd-analyze", "verify", "--man=no"));
    for (String name : List.of("nex-rootfs-preflight.service", "nex-rootfs-preflight.timer")) {
      // systemd asks for the program, too.
      String unit =
          Files.readString(NODE.resolve(name))
              .replace("/opt/nex-rootfs/nex-rootfs", program.toString());
      words.add(Files.writeString(directory.resolve(name), unit));
    }
    Command.Result result = Command.of(words.toArray()).run();
    assertThat(result.exit()).as(result.output()).isZero();
    assertThat(result.output()).doesNotContain("nex-rootfs");
  }

  private String[] asking(String... more) {
    return askingFor("64MiB", more);
  }

  private String[] askingFor(String size, String... more) {
    List<String> flags =
        new ArrayList<>(
            List.of(
                "--image",
                "oci:" + base(),
                "--agent",
                directory.resolve("agent").toString(),
                "--size",
                size));
    flags.addAll(List.of(more));
    return flags.toArray(String[]::new);
  }

  private static Command.Result preflight(
      NatsServer server, String name, Path file, String... flags) {
    List<Object> words =
        new ArrayList<>(
            List.of("preflight", name, "--output", file, "--no-context", "--server", server.url()));
    words.addAll(List.of(flags));
    return Program.run(words.toArray());
  }

  private static void fetch(NatsServer server, String name, Path file) {
    Program.run("fetch", name, "--output", file, "--no-context", "--server", server.url())
        .orThrow();
  }

  private Program worker(NatsServer server) throws IOException {
    return Program.worker(
        server.url(),
        directory.resolve("cache"),
        List.of(),
        Map.of(),
        "--allow-path",
        directory.toString());
  }

  private void writeBase() throws IOException {
    OciImages.in(base())
        .layer(
            new Tar()
                .directory("etc/")
                .directory("sbin/")
                .file("sbin/init", "#!")
                .file("data", new byte[1_000_000])
                .bytes())
        .write();
    Files.write(directory.resolve("agent"), Elf.amd64());
  }

  private Path base() {
    return directory.resolve("base");
  }
}
