package dev.nexrootfs.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Debugfs;
import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.FileSpec;
import dev.nexrootfs.protocol.Finding;
import dev.nexrootfs.protocol.Guest;
import dev.nexrootfs.protocol.Lint;
import dev.nexrootfs.protocol.Network;
import dev.nexrootfs.protocol.ReplyMode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.Size;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RootfsBuildTest {
  private static final long SIZE = 16 << 20;

  @TempDir Path directory;
  private Path image = Path.of("unset");
  private Path agent = Path.of("unset");

  @BeforeEach
  void writeInputs() throws IOException {
    image = directory.resolve("image");
    OciImages.in(image)
        .layer(
            new Tar()
                .directory("etc/")
                .file("etc/passwd", "root:x:0:0::/root:/bin/sh\nnex2:x:5:5::/:/bin/sh")
                .file("etc/group", "root:x:0:\n")
                .file("etc/resolv.conf", "nameserver 1.2.3.4\n")
                .directory("sbin/")
                .file("sbin/init", "#!")
                .bytes())
        .layer(
            new Tar().file("sbin/openrc-run", "#!").directory("opt/").file("opt/tool", "t").bytes())
        .write();
    agent = Files.write(directory.resolve("agent"), Elf.amd64());
  }

  @Test
  void plainGuestIsTheImageAndNothingElse() throws Exception {
    BuildReply reply = build(request(Guest.PLAIN, List.of()));
    assertThat(list().without("lost+found").lines())
        .containsOnlyKeys(
            "",
            "etc",
            "etc/group",
            "etc/passwd",
            "etc/resolv.conf",
            "opt",
            "opt/tool",
            "sbin",
            "sbin/init",
            "sbin/openrc-run");
    assertThat(reply.warnings()).isEmpty();
  }

  @Test
  void agentOfAPlainGuestIsLeftOutWithAWarning() throws Exception {
    BuildReply without = build(request(Guest.PLAIN, List.of()));
    BuildReply with = build(request(Guest.PLAIN, agent.toString(), List.of()));
    assertThat(with.digest()).isEqualTo(without.digest());
    assertThat(with.warnings())
        .containsExactly("agent: the guest plain has none; the image is without it");
  }

  @Test
  void nexGuestHasWhatNexExpects() throws Exception {
    BuildReply reply = build(request(Guest.NEX, List.of()));
    Listing listing = list();
    String created = Instant.parse(OciImages.CREATED).getEpochSecond() + ".000000000";
    assertThat(listing.lines().get("usr/local/bin/agent"))
        .isEqualTo("f 0775 1000:1000 " + created + " links=1 size=5000 " + hex(Elf.amd64()));
    assertThat(listing.lines().get("etc/init.d/agent")).startsWith("f 0755 0:0");
    assertThat(listing.lines().get("etc/runlevels/boot/agent")).endsWith("/etc/init.d/agent");
    assertThat(listing.lines().get("etc/resolv.conf")).startsWith("l ").endsWith(" /proc/net/pnp");
    assertThat(listing.lines().get("tmp")).startsWith("d 1777 0:0");
    assertThat(listing.lines().get("home/nex")).startsWith("d 0755 1000:1000");
    assertThat(listing.lines())
        .containsKeys(
            "dev/console", "dev/null", "proc", "run", "sys", "var", "etc/inittab", "opt/tool");
    assertThat(listing.lines().get("etc/passwd"))
        .endsWith(
            hex(
                "root:x:0:0::/root:/bin/sh\nnex2:x:5:5::/:/bin/sh\nnex:x:1000:1000:Nex:/home/nex:/bin/false\n"
                    .getBytes(StandardCharsets.UTF_8)));
    assertThat(reply.warnings()).isEmpty();
  }

  @Test
  void whatTheBaseLacksIsAFinding() throws Exception {
    OciImages.in(directory.resolve("bare")).layer(new Tar().directory("etc/").bytes()).write();
    image = directory.resolve("bare");
    assertThat(build(request(Guest.NEX, List.of())).findings())
        .extracting(Finding::check)
        .contains("INIT_MISSING");
  }

  @Test
  void strictRequestForAnImageThatWouldNotBootStoresNothing() throws Exception {
    OciImages.in(directory.resolve("bare")).layer(new Tar().directory("etc/").bytes()).write();
    image = directory.resolve("bare");
    BuildRequest lenient = request(Guest.NEX, List.of());
    BuildRequest strict = withGuest(lenient, null, null, Lint.STRICT);
    refused(strict, ErrorCode.LINT_FAILED, "INIT_MISSING /sbin/init: ");
    assertThat(output()).doesNotExist();
    assertThat(build(lenient).findings()).extracting(Finding::level).contains(Finding.Level.ERROR);
  }

  @Test
  void findingIsShortWhateverTheBaseCallsThings() throws Exception {
    OciImages.in(directory.resolve("talkative"))
        .layer(
            new Tar()
                .directory("etc/")
                .file("etc/passwd", "u".repeat(900_000) + ":x:1000:1000::/:/bin/sh\n")
                .bytes())
        .write();
    image = directory.resolve("talkative");
    List<Finding> findings = build(request(Guest.NEX, List.of())).findings();
    assertThat(findings).extracting(Finding::check).contains("NEX_ID");
    assertThat(findings).extracting(finding -> finding.line().length()).allMatch(n -> n < 700);
  }

  @Test
  void configurationTooLargeToBeReadIsNotTheWorkersFault() throws Exception {
    Path large = Files.write(directory.resolve("inittab"), new byte[1_500_000]);
    OciImages.in(directory.resolve("busybox"))
        .layer(
            new Tar()
                .directory("etc/")
                .file("bin/busybox", "#!")
                .link("sbin/init", "/bin/busybox")
                .file("sbin/openrc-run", "#!")
                .bytes())
        .write();
    image = directory.resolve("busybox");
    refused(
        request(
            Guest.NEX,
            List.of(new FileSpec("/etc/inittab", null, large.toString(), null, null, null))),
        ErrorCode.INVALID_IMAGE,
        "/etc/inittab has 1500000 bytes");
  }

  @Test
  void bootScriptAndRootPasswordAreInTheKeyAndTheImage() throws Exception {
    Path script = Files.writeString(directory.resolve("boot.sh"), "#!/bin/sh\necho first\n");
    BuildRequest without = request(Guest.NEX, List.of());
    String key = build(without).key();
    BuildReply inline = build(withGuest(without, "#!/bin/sh\necho first\n", null, Lint.WARN));
    BuildReply fromFile = build(withGuest(without, script.toString(), null, Lint.WARN));
    BuildReply withPassword = build(withGuest(without, script.toString(), "root", Lint.WARN));
    assertThat(inline.key()).isEqualTo(fromFile.key()).isNotEqualTo(key);
    assertThat(inline.digest()).isEqualTo(fromFile.digest());
    assertThat(withPassword.key()).isNotEqualTo(fromFile.key());
    assertThat(list().lines().get("usr/local/lib/nex-rootfs/boot-script"))
        .startsWith("f 0755 0:0")
        .endsWith(hex("#!/bin/sh\necho first\n".getBytes(StandardCharsets.UTF_8)));
    refused(
        withGuest(without, directory.resolve("gone").toString(), null, Lint.WARN),
        ErrorCode.INPUT_NOT_FOUND,
        "bootScript");
  }

  private static BuildRequest withGuest(
      BuildRequest request, @Nullable String bootScript, @Nullable String rootPassword, Lint lint) {
    return new BuildRequest(
        request.image(),
        request.agent(),
        null,
        Network.NONE,
        request.size(),
        request.platform(),
        request.guest(),
        request.files(),
        request.name(),
        request.tag(),
        request.namespace(),
        request.reply(),
        null,
        request.formats(),
        bootScript,
        rootPassword,
        lint);
  }

  @Test
  void filesAreAddedInPlaceOfWhatIsThere() throws Exception {
    build(
        request(
            Guest.PLAIN,
            List.of(
                new FileSpec("/opt/tool", "new", null, "4755", 7L, 8L),
                new FileSpec("/new/dir/file", null, agent.toString(), null, null, null))));
    assertThat(list().lines().get("opt/tool"))
        .startsWith("f 4755 7:8")
        .endsWith(hex("new".getBytes(StandardCharsets.UTF_8)));
    assertThat(list().lines().get("new/dir/file"))
        .startsWith("f 0644 0:0")
        .endsWith(hex(Elf.amd64()));
  }

  @Test
  void noFileIsYoungerThanTheImage() throws Exception {
    OciImages.in(directory.resolve("young"))
        .layer(
            new Tar().pax('x', "mtime", "4000000000.5").file("late", "").file("early", "").bytes())
        .write();
    image = directory.resolve("young");
    build(request(Guest.PLAIN, List.of()));
    assertThat(list().lines().get("late"))
        .contains(" " + Instant.parse(OciImages.CREATED).getEpochSecond() + ".000000000 ");
    assertThat(list().lines().get("early")).contains(" 1700000000.000000000 ");
  }

  @Test
  void equalInputsGiveEqualBytesAndOtherInputsOthers() throws Exception {
    BuildReply once = build(request(Guest.NEX, List.of()));
    BuildReply again = build(request(Guest.NEX, List.of()));
    assertThat(again.digest()).isEqualTo(once.digest());
    assertThat(again.key()).isEqualTo(once.key());
    Files.write(agent, Elf.executable(62, 5001));
    BuildReply other = build(request(Guest.NEX, List.of()));
    assertThat(other.key()).isNotEqualTo(once.key());
    assertThat(other.digest()).isNotEqualTo(once.digest());
  }

  @Test
  void agentThatIsNoExecutableForThePlatformIsRefused() throws Exception {
    byte[] relocatable = Elf.amd64();
    relocatable[16] = 1;
    for (byte[] bytes :
        new byte[][] {
          new byte[0],
          "#!/bin/sh\necho I am a script, not an agent\n".getBytes(StandardCharsets.UTF_8),
          Elf.executable(183, 5000),
          relocatable,
          Arrays.copyOf(Elf.amd64(), 19)
        }) {
      Files.write(agent, bytes);
      refused(request(Guest.NEX, List.of()), ErrorCode.INVALID_AGENT, agent.toString());
    }
  }

  @Test
  void inputsThatAreMissingAreNamed() throws Exception {
    Files.delete(agent);
    refused(request(Guest.NEX, List.of()), ErrorCode.INPUT_NOT_FOUND, agent.toString());
    image = directory.resolve("nothing");
    refused(request(Guest.PLAIN, List.of()), ErrorCode.INPUT_NOT_FOUND, "nothing");
    Files.createDirectory(image);
    refused(request(Guest.PLAIN, List.of()), ErrorCode.IMAGE_NOT_FOUND, "oci-layout");
  }

  @Test
  void contentThatDoesNotFitNamesTheSizeThatWould() throws Exception {
    OciImages.in(directory.resolve("large"))
        .layer(new Tar().file("f", new byte[30 << 20]).bytes())
        .write();
    image = directory.resolve("large");
    refused(request(Guest.PLAIN, List.of()), ErrorCode.TOO_SMALL, "MiB) would do");
    assertThat(output()).doesNotExist();
  }

  @Test
  void hostileLayerIsRefusedAndNothingIsStored() throws Exception {
    OciImages.in(directory.resolve("hostile"))
        .layer(new Tar().file("../../escape", "x").bytes())
        .write();
    image = directory.resolve("hostile");
    refused(request(Guest.PLAIN, List.of()), ErrorCode.INVALID_LAYER, "../../escape");
    assertThat(output()).doesNotExist();
  }

  @Test
  void scriptAndRegistryAreRefusedByName() {
    BuildRequest plain = request(Guest.PLAIN, List.of());
    refused(
        new BuildRequest(
            plain.image(),
            null,
            "#!/bin/sh",
            Network.NONE,
            plain.size(),
            "linux/amd64",
            Guest.PLAIN,
            List.of(),
            "n",
            "t",
            "default",
            ReplyMode.FINAL,
            null,
            List.of("ext4"),
            null,
            null,
            Lint.WARN),
        ErrorCode.SCRIPT_UNSUPPORTED,
        "script");
    refused(
        new BuildRequest(
            "alpine:3.22",
            null,
            null,
            Network.NONE,
            plain.size(),
            "linux/amd64",
            Guest.PLAIN,
            List.of(),
            "n",
            "t",
            "default",
            ReplyMode.FINAL,
            null,
            List.of("ext4"),
            null,
            null,
            Lint.WARN),
        ErrorCode.SOURCE_NOT_ALLOWED,
        "docker.io/library/alpine:3.22");
  }

  @Test
  void pathOutsideTheAllowedDirectoriesIsRefusedEvenThroughALink() throws Exception {
    Path allowed = Files.createDirectory(directory.resolve("allowed"));
    Files.createSymbolicLink(allowed.resolve("link"), agent);
    PathPolicy policy = new PathPolicy(List.of(allowed));
    for (String path :
        List.of(agent.toString(), allowed.resolve("link").toString(), allowed + "/../agent")) {
      assertThatThrownBy(() -> policy.resolve("agent", path))
          .isInstanceOfSatisfying(
              RequestException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.SOURCE_NOT_ALLOWED));
    }
    Files.writeString(allowed.resolve("own"), "x");
    assertThat(policy.resolve("agent", allowed.resolve("own").toString()).getFileName().toString())
        .isEqualTo("own");
    assertThatThrownBy(() -> PathPolicy.NONE.resolve("agent", agent.toString()))
        .isInstanceOf(RequestException.class);
  }

  private void refused(BuildRequest request, ErrorCode code, String part) {
    assertThatThrownBy(() -> build(request))
        .isInstanceOfSatisfying(
            RequestException.class,
            e -> {
              assertThat(e.code()).as(e.getMessage()).isEqualTo(code);
              assertThat(e.getMessage()).contains(part);
            });
  }

  private BuildRequest request(Guest guest, List<FileSpec> files) {
    return request(guest, guest == Guest.NEX ? agent.toString() : null, files);
  }

  private BuildRequest request(Guest guest, @Nullable String given, List<FileSpec> files) {
    return new BuildRequest(
        "oci:" + image,
        given,
        null,
        Network.NONE,
        Size.whole(SIZE),
        "linux/amd64",
        guest,
        files,
        "rootfs",
        "latest",
        "default",
        ReplyMode.FINAL,
        null,
        List.of("ext4"),
        null,
        null,
        Lint.WARN);
  }

  private BuildReply build(BuildRequest request) throws IOException, RequestException {
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
    BuildReply reply = build.run("id", request, new FileSink(output()), Progress.NONE).reply();
    E2fsck.check(output());
    assertThat(Digest.sha256(Files.readAllBytes(output())).text()).isEqualTo(reply.digest());
    return reply;
  }

  private Path output() {
    return directory.resolve("rootfs.ext4");
  }

  private Listing list() throws IOException {
    return Debugfs.list(output(), Files.createTempDirectory(directory, "dump"));
  }

  private static String hex(byte[] bytes) {
    return Objects.requireNonNull(HexFormat.of().formatHex(Digest.newSha256().digest(bytes)));
  }
}
