package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.Zstd;
import dev.nexrootfs.build.LayerPull;
import dev.nexrootfs.build.Progress;
import dev.nexrootfs.build.RegistryImages;
import dev.nexrootfs.layer.BlobCache;
import dev.nexrootfs.layer.BlobExchange;
import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.LayerMerge;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.ImageReference;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.oracle.Certificates;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.DockerRegistry;
import dev.nexrootfs.oracle.Host;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.NatsServer;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.registry.CredentialStore;
import dev.nexrootfs.registry.Patience;
import dev.nexrootfs.registry.ProxyEnvironment;
import dev.nexrootfs.registry.Registries;
import dev.nexrootfs.registry.RegistryPolicy;
import dev.nexrootfs.registry.RegistrySettings;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that skopeo pushed to Debian's docker-registry, against what umoci unpacks. */
class PushedImagesIT {
  @TempDir Path directory;

  /** Below: everything a file can have. */
  private final byte[] lower =
      new Tar()
          .directory("etc/")
          .file("etc/passwd", "root:x:0:0::/:/bin/sh\n")
          .file("etc/gone", "x")
          .entry("bin", '2', 0777, 0, 0, "usr/bin")
          .directory("usr/")
          .directory("usr/bin/")
          .pax('x', "SCHILY.xattr.security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0")
          .file("usr/bin/ping", "#!")
          .pax('x', "SCHILY.xattr.user.note", "a\u00ffb", "mtime", "1234567890.123456789")
          .file("usr/bin/noted", "x")
          .entry("usr/bin/su", '0', 04755, 0, 0, "")
          .hardLink("usr/bin/su2", "usr/bin/su")
          .entry("tmp/", '5', 01777, 0, 0, "")
          .directory("dev/")
          .entry("dev/null", '3', 0666, 0, 0, "")
          .directory("run/")
          .entry("run/fifo", '6', 0644, 33, 33, "")
          .directory("opaque/")
          .file("opaque/old", "x")
          .bytes();

  private final byte[] upper =
      new Tar()
          .file("etc/.wh.gone", "")
          .file("bin/tool", "through the link")
          .directory("opaque/")
          .file("opaque/.wh..wh..opq", "")
          .file("opaque/new", "y")
          .bytes();

  @BeforeEach
  void require() {
    Command.require("skopeo");
    Command.require("umoci");
    Command.require("getfattr");
    Assumptions.assumeTrue(
        Command.of("id", "-u").run().output().strip().equals("0"),
        "needs root, to unpack with owners");
  }

  private Path gzipLayout() throws IOException {
    return OciImages.in(directory.resolve("gzip")).layer(lower).layer(upper).write();
  }

  private void push(String from, DockerRegistry registry, String name, String... flags) {
    java.util.ArrayList<Object> words =
        new java.util.ArrayList<>(List.of("skopeo", "copy", "--quiet", "--dest-tls-verify=false"));
    words.addAll(List.of(flags));
    words.add(from);
    words.add("docker://" + registry.host() + "/" + name);
    Command.of(words.toArray()).run().orThrow();
  }

  @Test
  void everyFormOfAnImageMergesToWhatUmociUnpacks() throws Exception {
    Path gzip = gzipLayout();
    Path bundle = unpack(gzip);
    Listing expected = withoutRoot(Host.list(bundle.resolve("rootfs")));
    Map<String, Map<String, String>> attributes = attributes(bundle.resolve("rootfs"));
    assertThat(attributes).containsKeys("usr/bin/ping", "usr/bin/noted");
    try (DockerRegistry registry = DockerRegistry.start(directory)) {
      push("oci:" + gzip, registry, "forms:gzip");
      push("oci:" + gzip, registry, "forms:docker", "--format", "v2s2");
      push(
          "oci:" + form("zstd", Zstd.compress(lower)),
          registry,
          "forms:zstd",
          "--preserve-digests");
      push("oci:" + form("plain", lower), registry, "forms:plain", "--preserve-digests");
      push(
          "oci:" + form("members", members(lower)),
          registry,
          "forms:members",
          "--preserve-digests");
      for (String tag : List.of("gzip", "docker", "zstd", "plain", "members")) {
        FileTree tree = pull(registry, "forms:" + tag, "linux/amd64");
        assertThat(withoutRoot(Listing.of(tree)).differences(expected)).as(tag).isEmpty();
        assertThat(attributes(tree)).as(tag).isEqualTo(attributes);
      }
    }
    NatsServer.deleteTree(bundle);
  }

  @Test
  void indexWithVariantsAndAttestationsGivesEachPlatformItsImage() throws Exception {
    Path layout = directory.resolve("index");
    List<String> entries = new java.util.ArrayList<>();
    for (String platform : List.of("amd64", "arm64/v8", "arm/v6", "arm/v7")) {
      String[] parts = platform.split("/", -1);
      Path one =
          OciImages.in(directory.resolve("one"))
              .architecture(parts[0])
              .layer(new Tar().file("platform", platform).bytes())
              .write();
      Files.createDirectories(layout.resolve("blobs/sha256"));
      Command.of("sh", "-c", "cp " + one + "/blobs/sha256/* " + layout + "/blobs/sha256/")
          .run()
          .orThrow();
      String entry =
          Files.readString(one.resolve("index.json"))
              .replaceFirst("(?s).*\"manifests\":\\[(.*)\\]\\}", "$1");
      entries.add(
          entry.replaceFirst(
              "\\}$",
              ",\"platform\":{\"os\":\"linux\",\"architecture\":\""
                  + parts[0]
                  + "\""
                  + (parts.length > 1 ? ",\"variant\":\"" + parts[1] + "\"" : "")
                  + "}}"));
      if (platform.equals("amd64")) {
        entries.add(
            entry.replaceFirst(
                "\\}$",
                ",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"},\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}}"));
      }
      NatsServer.deleteTree(one);
    }
    OciImages images = OciImages.in(layout);
    images.write("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    String index =
        images.blob(
            "application/vnd.oci.image.index.v1+json",
            "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":["
                + String.join(",", entries)
                + "]}");
    images.write("index.json", "{\"schemaVersion\":2,\"manifests\":[" + index + "]}");
    try (DockerRegistry registry = DockerRegistry.start(directory)) {
      push("oci:" + layout, registry, "index:t", "--all", "--preserve-digests");
      Map<String, String> wanted =
          Map.of(
              "linux/amd64", "amd64",
              "linux/arm64", "arm64/v8",
              "linux/arm", "arm/v7",
              "linux/arm/v6", "arm/v6");
      for (Map.Entry<String, String> entry : wanted.entrySet()) {
        FileTree tree = pull(registry, "index:t", entry.getKey());
        assertThat(Listing.of(tree).lines().get("platform"))
            .as(entry.getKey())
            .contains(
                Digest.sha256(entry.getValue().getBytes(java.nio.charset.StandardCharsets.US_ASCII))
                    .hex());
      }
    }
  }

  @Test
  void registryWithTlsAndAPasswordIsPulledFromByTheCommand() throws Exception {
    Certificates.make(directory);
    Path gzip = gzipLayout();
    try (DockerRegistry registry = DockerRegistry.startSecured(directory)) {
      push(
          "oci:" + gzip,
          registry,
          "team/base:1",
          "--dest-creds",
          DockerRegistry.USER + ":" + DockerRegistry.PASSWORD);
      Path registries =
          Files.writeString(
              directory.resolve("registries.json"),
              "{\"registries\":{\""
                  + registry.host()
                  + "\":{\"ca\":\""
                  + directory.resolve("ca.pem")
                  + "\"}}}");
      String reference = registry.host() + "/team/base:1";
      Path login = directory.resolve("auth.json");
      Command.of(
              "skopeo",
              "login",
              "--tls-verify=false",
              "--authfile",
              login,
              "-u",
              DockerRegistry.USER,
              "-p",
              DockerRegistry.PASSWORD,
              registry.host())
          .run()
          .orThrow();
      Command.Result denied = command(Map.of(), "pull", reference, "--registries", registries);
      assertThat(denied.exit()).isEqualTo(1);
      assertThat(denied.output()).contains("REGISTRY_DENIED", "log in");
      Command.Result untrusted =
          command(Map.of("REGISTRY_AUTH_FILE", login.toString()), "pull", reference);
      assertThat(untrusted.output()).contains("SOURCE_NOT_ALLOWED", "cannot be trusted");
      Command.Result pulled =
          command(
              Map.of("REGISTRY_AUTH_FILE", login.toString()),
              "pull",
              reference,
              "--registries",
              registries);
      assertThat(pulled.exit()).as(pulled.output()).isZero();
      assertThat(pulled.output())
          .contains("layers     2 of ", "diff_id", "linux/amd64")
          .doesNotContain(DockerRegistry.PASSWORD);
      Command.Result shown =
          command(
              Map.of("REGISTRY_AUTH_FILE", login.toString()),
              "inspect",
              "--image",
              reference,
              "/usr/bin",
              "--registries",
              registries);
      assertThat(shown.output()).contains("-rwsr-xr-x", "su2", "tool", "security.capability 20");
      Command.Result file =
          command(
              Map.of("REGISTRY_AUTH_FILE", login.toString()),
              "inspect",
              "--image",
              reference,
              "/opaque/new",
              "--registries",
              registries);
      assertThat(file.output()).endsWith("y");
      Command.Result built =
          command(
              Map.of("REGISTRY_AUTH_FILE", login.toString()),
              "build",
              "--image",
              reference,
              "--guest",
              "plain",
              "--registries",
              registries,
              "--output",
              directory.resolve("rootfs.ext4"));
      assertThat(built.exit()).as(built.output()).isZero();
      dev.nexrootfs.oracle.E2fsck.check(directory.resolve("rootfs.ext4"));
    }
  }

  private Command.Result command(Map<String, String> environment, Object... arguments) {
    Command command =
        Command.of(Program.words(List.of(), arguments).toArray())
            .variable("XDG_CACHE_HOME", directory.resolve("home").toString())
            .variable("HOME", directory.resolve("nobody").toString());
    environment.forEach(command::variable);
    return command.run();
  }

  /** The same image with the lower layer in another compression. */
  private Path form(String name, byte[] blob) throws IOException {
    return OciImages.in(directory.resolve(name))
        .layer(blob, Digest.sha256(lower))
        .layer(upper)
        .write();
  }

  private static byte[] members(byte[] tar) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int at = 0; at < tar.length; at += 700) {
      out.writeBytes(
          OciImages.gzip(java.util.Arrays.copyOfRange(tar, at, Math.min(tar.length, at + 700))));
    }
    return out.toByteArray();
  }

  private Path unpack(Path layout) {
    Path tagged = directory.resolve("tagged");
    Command.of("skopeo", "copy", "--quiet", "oci:" + layout, "oci:" + tagged + ":latest")
        .run()
        .orThrow();
    Path bundle = directory.resolve("bundle");
    Command.of("umoci", "unpack", "--image", tagged + ":latest", bundle).run().orThrow();
    return bundle;
  }

  private FileTree pull(DockerRegistry from, String name, String platform) throws IOException {
    CacheDirectory cache =
        new CacheDirectory(directory.resolve("cache-" + name.replace(':', '-')), 1L << 32);
    LayerCache layers = new LayerCache(cache, 1L << 30);
    RegistrySettings settings =
        new RegistrySettings(Map.of(from.host(), RegistrySettings.Host.ofPlainHttp()));
    try (Registries registries =
        new Registries(
            settings,
            CredentialStore.none(),
            RegistryPolicy.ALL,
            ProxyEnvironment.of(Map.of()),
            Patience.USUAL,
            "test/1")) {
      Image image =
          new RegistryImages(registries, new BlobCache(cache, BlobExchange.NONE))
              .open(
                  ImageReference.parse(from.host() + "/" + name),
                  Platform.parse(platform),
                  () -> {});
      List<DecodedLayer> decoded = LayerPull.of(image, layers, Progress.NONE);
      LayerMerge merge = new LayerMerge();
      for (DecodedLayer layer : decoded) {
        merge.add(layer);
      }
      return merge.tree();
    }
  }

  /** The extended attributes of a directory's files, by path and name, as hexadecimal digits. */
  private static Map<String, Map<String, String>> attributes(Path root) {
    Map<String, Map<String, String>> all = new TreeMap<>();
    String path = "";
    String dump =
        Command.of("sh", "-c", "cd " + root + " && getfattr -R -h -d -m - -e hex .")
            .run()
            .orThrow()
            .output();
    for (String line : dump.split("\n", -1)) {
      if (line.startsWith("# file: ")) {
        path = line.substring(8).replaceFirst("^\\./", "");
      } else if (line.contains("=0x")) {
        all.computeIfAbsent(path, unused -> new TreeMap<>())
            .put(line.substring(0, line.indexOf('=')), line.substring(line.indexOf("=0x") + 3));
      }
    }
    return all;
  }

  private static Map<String, Map<String, String>> attributes(FileTree tree) {
    Map<String, Map<String, String>> all = new TreeMap<>();
    collect(tree.root(), "", all);
    return all;
  }

  private static void collect(
      Directory directory, String path, Map<String, Map<String, String>> all) {
    directory
        .entries()
        .forEach(
            (name, node) -> {
              Map<String, String> values = new TreeMap<>();
              node.attributes()
                  .xattrs()
                  .asMap()
                  .forEach((key, value) -> values.put(key, HexFormat.of().formatHex(value)));
              if (!values.isEmpty()) {
                all.put(path + name, values);
              }
              Node below = node;
              if (below instanceof Directory child) {
                collect(child, path + name + "/", all);
              }
            });
  }

  private static Listing withoutRoot(Listing listing) {
    TreeMap<String, String> lines = new TreeMap<>(listing.lines());
    lines.remove("");
    return new Listing(lines);
  }
}
