package dev.nexrootfs.build;

import static dev.nexrootfs.registry.ScriptedRegistry.body;
import static dev.nexrootfs.registry.ScriptedRegistry.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.layer.BlobCache;
import dev.nexrootfs.layer.BlobExchange;
import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.SpooledInput;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.oracle.Certificates;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.registry.CredentialStore;
import dev.nexrootfs.registry.Patience;
import dev.nexrootfs.registry.ProxyEnvironment;
import dev.nexrootfs.registry.Registries;
import dev.nexrootfs.registry.RegistryPolicy;
import dev.nexrootfs.registry.RegistrySettings;
import dev.nexrootfs.registry.ScriptedRegistry;
import dev.nexrootfs.tls.PemFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every place where inputs are. */
class InputsIT {
  private static final Platform AMD64 = Platform.parse("linux/amd64");

  @TempDir Path directory;
  private final byte[] tar = new Tar().directory("etc/").file("etc/f", "x").bytes();
  private final byte[] agent = "an agent".getBytes(StandardCharsets.UTF_8);

  private Inputs inputs(RegistrySettings settings, RegistryPolicy policy) throws IOException {
    CacheDirectory cache = new CacheDirectory(directory.resolve("cache"), 1L << 32);
    Registries registries =
        new Registries(
            settings,
            CredentialStore.none(),
            policy,
            ProxyEnvironment.of(Map.of()),
            Patience.USUAL,
            "test/1");
    return new Inputs(
        new LayerCache(cache, 1 << 28),
        PathPolicy.ALL,
        BucketInputs.NONE,
        Optional.of(new RegistryImages(registries, new BlobCache(cache, BlobExchange.NONE))));
  }

  private Inputs local() throws IOException {
    return inputs(RegistrySettings.NONE, RegistryPolicy.ALL);
  }

  @Test
  void queryOfAWebFileIsShownToNobody() throws Exception {
    Inputs inputs = local();
    for (String source :
        List.of(
            "https://127.0.0.1:1/o?id=svc@project.example&sig=hunter2@sha256:aa",
            "https://127.0.0.1:1/o?sig=hunter2",
            "HTTPS://127.0.0.1:1/o?sig=hunter2@sha256:aa",
            "Http://127.0.0.1:1/o?sig=hunter2")) {
      assertThatThrownBy(() -> inputs.spool("agent", source, new InputLog()))
          .as(source)
          .hasMessageContaining("agent: ")
          .satisfies(e -> assertThat(String.valueOf(e.getMessage())).doesNotContain("hunter2"));
    }
  }

  private static void refused(ErrorCode code, String part, Inputs inputs, String source) {
    assertThatThrownBy(() -> inputs.spool("agent", source, new InputLog()))
        .isInstanceOfSatisfying(
            RequestException.class, e -> assertThat(e.code()).as(e.line()).isEqualTo(code))
        .hasMessageContaining("agent: ")
        .hasMessageContaining(part);
  }

  @Test
  void fileOfTheWebIsFetchedByItsDigest() throws Exception {
    Certificates.make(directory);
    String ca = directory.resolve("ca.pem").toString();
    try (ScriptedRegistry web =
        ScriptedRegistry.start(
            PemFiles.context(
                Optional.of(ca),
                Optional.of(directory.resolve("server.pem").toString()),
                Optional.of(directory.resolve("server.key").toString())))) {
      web.on("GET /agent", status(302, "Location", "/real?secret=hunter2"))
          .on("GET /real", body(200, agent));
      Inputs inputs =
          inputs(
              new RegistrySettings(
                  Map.of(web.host(), new RegistrySettings.Host(false, ca, null, null, null, null))),
              new RegistryPolicy(List.of(), false));
      try (SpooledInput spooled =
          inputs.spool("agent", web.url("/agent") + "@" + Digest.sha256(agent), new InputLog())) {
        assertThat(spooled.size()).isEqualTo(agent.length);
      }
      byte[] sha512 = java.security.MessageDigest.getInstance("SHA-512").digest(agent);
      inputs
          .spool(
              "agent",
              web.url("/agent") + "@sha512:" + java.util.HexFormat.of().formatHex(sha512),
              new InputLog())
          .close();
      refused(
          ErrorCode.DIGEST_MISMATCH,
          Digest.sha256(agent).toString(),
          inputs,
          web.url("/agent") + "@" + Digest.sha256(tar));
      web.on("GET /drips", ScriptedRegistry.dripping());
      assertThatThrownBy(
              () ->
                  inputs.spool(
                      "agent",
                      web.url("/drips") + "@" + Digest.sha256(agent),
                      new InputLog(new WantedFor(20))))
          .isInstanceOf(CancellationException.class);
      refused(
          ErrorCode.INPUT_NOT_FOUND, "404", inputs, web.url("/none") + "@" + Digest.sha256(agent));
      refused(ErrorCode.INVALID_FIELD, "@sha256:HEX", inputs, web.url("/agent"));
      refused(
          ErrorCode.INVALID_FIELD,
          "@sha256:HEX",
          inputs,
          web.url("/agent").replace("https", "http") + "@" + Digest.sha256(agent));
    }
  }

  @Test
  void privateHostIsNotFetchedFromForAStranger() throws Exception {
    Inputs inputs = inputs(RegistrySettings.NONE, new RegistryPolicy(List.of(), false));
    for (String host : List.of("127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]")) {
      assertThatThrownBy(
              () ->
                  inputs.spool(
                      "agent", "https://" + host + "/x@" + Digest.sha256(agent), new InputLog()))
          .as(host)
          .hasMessageContaining("is private");
      assertThatThrownBy(() -> inputs.image(host + ":5000/a:t", AMD64, new InputLog()))
          .as(host)
          .hasMessageContaining("is private");
    }
  }

  @Test
  void onlyTheRegistriesThatTheOperatorListsArePulledFrom() throws Exception {
    Inputs inputs =
        inputs(
            RegistrySettings.NONE,
            new RegistryPolicy(List.of("registry.example/team", "other.example"), false));
    for (String name :
        List.of(
            "alpine", "registry.example/teammate/a", "registry.example/a", "other.example.org/a")) {
      assertThatThrownBy(() -> inputs.image(name, AMD64, new InputLog()))
          .as(name)
          .hasMessageContaining("does not allow")
          .hasMessageContaining("registry.example/team, other.example");
    }
    RegistryPolicy policy =
        new RegistryPolicy(List.of("registry.example/team", "other.example"), false);
    assertThat(policy.allows("registry.example/team/a")).isTrue();
    assertThat(policy.allows("registry.example/team")).isTrue();
    assertThat(policy.allows("other.example/x/y")).isTrue();
  }

  @Test
  void listOfRegistriesBoundsFilesOfTheWebToo() throws Exception {
    Inputs inputs =
        inputs(RegistrySettings.NONE, new RegistryPolicy(List.of("files.example/agents"), false));
    for (String url : List.of("https://other.example/x", "https://files.example/other")) {
      assertThatThrownBy(
              () -> inputs.spool("agent", url + "@" + Digest.sha256(agent), new InputLog()))
          .as(url)
          .hasMessageContaining("does not allow files of");
    }
  }

  @Test
  void placesThatOnlyOtherToolsKnowAreNotTakenForRepositories() throws Exception {
    for (String reference :
        List.of("docker://alpine", "docker-daemon:alpine", "containers-storage:x", "dir:/base")) {
      assertThatThrownBy(() -> local().image(reference, AMD64, new InputLog()))
          .isInstanceOf(RequestException.class)
          .hasMessageContaining("oci-archive:FILE");
    }
  }

  private void reads(String reference) throws Exception {
    Image image = local().image(reference, AMD64, new InputLog());
    List<DecodedLayer> layers =
        LayerPull.of(
            image,
            new LayerCache(new CacheDirectory(directory.resolve("cache"), 1L << 32), 1 << 28),
            Progress.NONE);
    assertThat(layers).as(reference).isNotEmpty();
    assertThat(layers.get(0).diffId()).isEqualTo(Digest.sha256(tar));
    LayerPull.close(layers);
    image.blobs().close();
  }

  private String config() {
    return "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\""
        + Digest.sha256(tar)
        + "\"]}}";
  }

  private static String manifest(String layer) {
    return "[{\"Config\":\"config.json\",\"RepoTags\":[\"example/image:one\",\"example/image:two\"],\"Layers\":[\""
        + layer
        + "\"]}]";
  }

  /** Writes an archive as it is, by gzip, and by zstd. */
  private List<Path> forms(String name, byte[] archive) throws IOException {
    return List.of(
        Files.write(directory.resolve(name + ".tar"), archive),
        Files.write(directory.resolve(name + ".tgz"), OciImages.gzip(archive)),
        Files.write(
            directory.resolve(name + ".zst"), com.github.luben.zstd.Zstd.compress(archive)));
  }

  @Test
  void dockerArchivesOfEveryKindAndOrderAreRead() throws Exception {
    byte[] old =
        new Tar()
            .file("one/VERSION", "1.0")
            .file("one/layer.tar", tar)
            .file("config.json", config())
            .file("manifest.json", manifest("one/layer.tar"))
            .bytes();
    byte[] manifestFirst =
        new Tar()
            .file("manifest.json", manifest("one/layer.tar"))
            .file("config.json", config())
            .file("one/layer.tar", tar)
            .bytes();
    byte[] linked =
        new Tar()
            .link("one/layer.tar", "../two/layer.tar")
            .file("manifest.json", manifest("one/layer.tar"))
            .file("two/layer.tar", tar)
            .file("config.json", config())
            .bytes();
    byte[] compressed =
        new Tar()
            .file("layer", OciImages.gzip(tar))
            .file("config.json", config())
            .file("manifest.json", manifest("layer"))
            .bytes();
    int number = 0;
    for (byte[] archive : List.of(old, manifestFirst, linked, compressed)) {
      for (Path file : forms("docker-" + number++, archive)) {
        for (String tag : List.of("", ":one", ":example/image:two")) {
          reads("docker-archive:" + file + tag);
        }
      }
    }
  }

  @Test
  void archiveOfBothKindsIsReadByTheNamesOfEither() throws Exception {
    Path layout = OciImages.in(directory.resolve("layout")).layer(tar).write();
    Files.writeString(layout.resolve("config.json"), config());
    Files.writeString(layout.resolve("manifest.json"), manifest("blobs/sha256/" + blob(layout)));
    Path hybrid = directory.resolve("hybrid.tar");
    Command.of("tar", "-C", layout, "-cf", hybrid, ".").run().orThrow();
    for (Path file : forms("both", Files.readAllBytes(hybrid))) {
      reads("docker-archive:" + file);
      reads("docker-archive:" + file + ":example/image:one");
      reads("oci-archive:" + file);
    }
  }

  private static String blob(Path layout) throws IOException {
    String index = Files.readString(layout.resolve("index.json"));
    String manifest =
        Files.readString(
            layout
                .resolve("blobs/sha256")
                .resolve(index.replaceFirst("(?s).*sha256:([0-9a-f]{64}).*", "$1")));
    return manifest.replaceFirst("(?s).*sha256:([0-9a-f]{64}).*", "$1");
  }

  @Test
  void archiveWithoutOneOfItsLayersIsRefused() throws Exception {
    byte[] archive =
        new Tar()
            .file("config.json", config())
            .file("manifest.json", manifest("one/layer.tar"))
            .bytes();
    Path file = Files.write(directory.resolve("x.tar"), archive);
    assertThatThrownBy(() -> local().image("docker-archive:" + file, AMD64, new InputLog()))
        .hasMessageContaining("one/layer.tar is missing");
  }

  @Test
  void compressedArchiveThatIsCutOffIsRefused() throws Exception {
    byte[] gzip = OciImages.gzip(new Tar().file("manifest.json", manifest("x")).bytes());
    Path file =
        Files.write(directory.resolve("cut.tgz"), java.util.Arrays.copyOf(gzip, gzip.length / 2));
    assertThatThrownBy(() -> local().image("docker-archive:" + file, AMD64, new InputLog()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("cannot be decompressed");
  }

  /** Nobody wants the build any more after some questions. */
  private static final class WantedFor implements Progress {
    private int left;

    WantedFor(int questions) {
      left = questions;
    }

    @Override
    public void report(Phase phase, int percent, String message) {}

    @Override
    public void check() {
      if (left-- == 0) {
        throw new CancellationException();
      }
    }
  }
}
