package dev.nexrootfs.registry;

import static dev.nexrootfs.registry.ScriptedRegistry.body;
import static dev.nexrootfs.registry.ScriptedRegistry.status;
import static dev.nexrootfs.registry.ServedImage.descriptor;
import static dev.nexrootfs.registry.ServedImage.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.DigestMismatchException;
import dev.nexrootfs.oci.ImageNotFoundException;
import dev.nexrootfs.oci.InvalidImageException;
import dev.nexrootfs.registry.ScriptedRegistry.Reply;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Manifests, indexes and configurations as registries serve them. */
class RegistryManifestTest {
  private static final String TAG = "/v2/a/manifests/t";
  private static final String DOCKER = "application/vnd.docker.distribution.manifest.v2+json";

  private final ScriptedRegistry registry = ScriptedRegistry.start();
  private final ServedImage image = ServedImage.of("x");
  private Pulls pulls = Pulls.from();

  RegistryManifestTest() throws IOException {}

  @BeforeEach
  void serve() {
    image.serve(registry, "a", "t");
    pulls = Pulls.from(registry);
  }

  @AfterEach
  void stop() {
    pulls.close();
    registry.close();
  }

  private String reference() {
    return registry.host() + "/a:t";
  }

  /** Lays {@code document} down as what the tag means. */
  private void tagged(byte[] document, String contentType, String... headers) {
    String[] all = Arrays.copyOf(headers, headers.length + 2);
    all[headers.length] = "Content-Type";
    all[headers.length + 1] = contentType;
    Reply reply = body(200, document, all);
    registry.on("HEAD " + TAG, reply).on("GET " + TAG, reply);
    registry.on("GET /v2/a/manifests/" + Digest.sha256(document), reply);
  }

  private void config(byte[] config, String manifestTemplate) {
    registry.on("GET " + image.blobPath("a", config), body(200, config));
    tagged(
        utf8(
            String.format(
                manifestTemplate, descriptor("application/vnd.oci.image.config.v1+json", config))),
        ServedImage.MANIFEST);
  }

  private String layers() {
    return "[" + descriptor("application/vnd.oci.image.layer.v1.tar+gzip", image.layer()) + "]";
  }

  @Test
  void tagIsAskedForByHeadWithEveryKindOfManifest() throws Exception {
    assertThat(pulls.image(reference()).manifestDigest()).isEqualTo(image.digest());
    ScriptedRegistry.Seen first = registry.seen().get(0);
    assertThat(first.method()).isEqualTo("HEAD");
    assertThat(first.header("Accept").orElseThrow().split(", ", -1))
        .hasSize(6)
        .contains(ServedImage.MANIFEST, ServedImage.INDEX, DOCKER);
    assertThat(first.header("User-Agent")).contains("test/1");
    assertThat(registry.seen("GET", TAG)).isEmpty();
  }

  @Test
  void digestWhoseDocumentIsAtHandIsNotAskedFor() throws Exception {
    assertThat(
            pulls
                .repository(registry.host() + "/a@" + image.digest())
                .resolve(digest -> OptionalLong.of(image.manifest().length))
                .digest())
        .isEqualTo(image.digest());
    assertThat(registry.seen()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {405, 403, 404, 500})
  void registryWithoutHeadIsAskedByGet(int refusal) throws Exception {
    registry.on("HEAD " + TAG, status(refusal));
    assertThat(pulls.image(reference()).manifestDigest()).isEqualTo(image.digest());
  }

  @Test
  void headWithoutDigestOrWithOneOfAnotherAlgorithmIsFollowedByGet() throws Exception {
    for (String digest : List.of("", "blake3:00", "sha256:XYZ")) {
      Reply reply =
          body(
              200,
              image.manifest(),
              "Content-Type",
              ServedImage.MANIFEST + "; charset=utf-8",
              "Docker-Content-Digest",
              digest);
      registry.on("HEAD " + TAG, reply).on("GET " + TAG, reply);
      assertThat(pulls.image(reference()).manifestDigest()).isEqualTo(image.digest());
    }
  }

  @Test
  void tagThatIsMissingIsToldWithThoseThatAreMostLikeIt() throws Exception {
    String tags =
        "{\"name\":\"a\",\"tags\":[\"3.1\",\"9\",\"bad tag\\u001b[2J\",\"3.21\",\"3.20\",\"latest\"]}";
    registry.on("GET /v2/a/tags/list", body(200, tags.getBytes(StandardCharsets.UTF_8)));
    assertThatThrownBy(() -> pulls.image(registry.host() + "/a:3.22"))
        .hasMessageContaining("404")
        .hasMessageEndingWith("; among its tags are 3.21, 3.20, 3.1, 9, latest");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "no list", "{\"tags\":null}", "{\"tags\":{\"a\":1}}"})
  void tagThatIsMissingIsToldWithoutAListThatIsNone(String list) throws Exception {
    registry.on("GET /v2/a/tags/list", body(200, list.getBytes(StandardCharsets.UTF_8)));
    assertThatThrownBy(() -> pulls.image(registry.host() + "/a:3.22"))
        .hasMessageContaining("404")
        .hasMessageNotContaining("tags are");
  }

  @Test
  void digestHeaderOfSha512IsHeldAgainstTheBody() throws Exception {
    byte[] hash = java.security.MessageDigest.getInstance("SHA-512").digest(image.manifest());
    String sha512 = "sha512:" + HexFormat.of().formatHex(hash);
    registry
        .on("HEAD " + TAG, status(405))
        .on("GET " + TAG, body(200, image.manifest(), "Docker-Content-Digest", sha512));
    assertThat(pulls.image(reference()).manifestDigest()).hasToString(sha512);
    registry.on(
        "GET " + TAG, body(200, utf8("{\"schemaVersion\":2}"), "Docker-Content-Digest", sha512));
    assertThatThrownBy(() -> pulls.image(reference())).isInstanceOf(DigestMismatchException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"text/plain", "application/json", "", "application/octet-stream"})
  void contentTypeThatSaysNothingIsLeftToTheDocument(String type) throws Exception {
    tagged(image.manifest(), type);
    assertThat(pulls.image(reference()).layers()).hasSize(1);
  }

  @Test
  void contentTypeThatContradictsTheDocumentIsRefused() throws Exception {
    for (String type : List.of(ServedImage.INDEX, DOCKER)) {
      tagged(image.manifest(), type);
      assertThatThrownBy(() -> pulls.image(reference()))
          .as(type)
          .isInstanceOf(InvalidImageException.class)
          .hasMessageContaining("is announced as " + type);
    }
  }

  @Test
  void documentThatIsManifestAndIndexIsRefused() throws Exception {
    String both =
        new String(image.manifest(), java.nio.charset.StandardCharsets.UTF_8)
            .replaceFirst("\\}$", ",\"manifests\":[]}");
    tagged(utf8(both), ServedImage.MANIFEST);
    assertThatThrownBy(() -> pulls.image(reference()))
        .isInstanceOf(InvalidImageException.class)
        .hasMessageContaining("neither an image manifest nor an index");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/vnd.docker.distribution.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/json"
      })
  void schemaOneIsRefusedByName(String type) throws Exception {
    tagged(utf8("{\"schemaVersion\":1,\"fsLayers\":[],\"signatures\":[]}"), type);
    assertThatThrownBy(() -> pulls.image(reference()))
        .isInstanceOf(InvalidImageException.class)
        .hasMessageContaining("schema 1")
        .hasMessageContaining("push the image again");
  }

  @Test
  void manifestOfMoreThanFourMebibytesIsRefused() throws Exception {
    byte[] large = utf8("{\"x\":\"" + "y".repeat(4 << 20) + "\"}");
    registry.on("HEAD " + TAG, status(405)).on("GET " + TAG, body(200, large));
    assertThatThrownBy(() -> pulls.image(reference())).hasMessageContaining("4194304");
    tagged(large, ServedImage.MANIFEST, "Docker-Content-Digest", Digest.sha256(large).toString());
    assertThatThrownBy(() -> pulls.image(reference())).hasMessageContaining("4194304");
  }

  @Test
  void manifestThatIsNotThePinnedOneIsRefused() throws Exception {
    Digest other = Digest.sha256(new byte[1]);
    registry.on("GET /v2/a/manifests/" + other, body(200, image.manifest()));
    assertThatThrownBy(() -> pulls.image(registry.host() + "/a@" + other))
        .isInstanceOf(DigestMismatchException.class)
        .hasMessageContaining(other.toString())
        .hasMessageContaining(image.digest().toString());
  }

  @Test
  void manifestThatIsNotWhatHeadPromisedIsRefused() throws Exception {
    ServedImage other = ServedImage.of("other");
    registry.on("GET " + image.manifestPath("a"), body(200, other.manifest()));
    assertThatThrownBy(() -> pulls.image(reference())).isInstanceOf(DigestMismatchException.class);
  }

  @Test
  void unknownImageIsAnErrorThatNamesRegistryAndReference() {
    assertThatThrownBy(() -> pulls.image(registry.host() + "/none:t"))
        .isInstanceOfSatisfying(
            RegistryException.class,
            e -> assertThat(e.reason()).isEqualTo(RegistryException.Reason.NOT_FOUND))
        .hasMessageContaining(registry.host())
        .hasMessageContaining("none/manifests/t");
  }

  @Test
  void whatTheRegistrySaysOfAnErrorIsPassedOn() {
    registry
        .on("HEAD " + TAG, status(403))
        .on(
            "GET " + TAG,
            body(403, utf8("{\"errors\":[{\"code\":\"DENIED\",\"message\":\"not\\nfor you\"}]}")));
    assertThatThrownBy(() -> pulls.image(reference())).hasMessageContaining("DENIED not for you");
  }

  private String entry(ServedImage served, String platform) {
    return descriptor(ServedImage.MANIFEST, served.manifest())
        .replaceFirst("\\}$", platform.isEmpty() ? "}" : ",\"platform\":" + platform + "}");
  }

  private static String platform(String architecture, String variant) {
    return "{\"os\":\"linux\",\"architecture\":\""
        + architecture
        + "\""
        + (variant.isEmpty() ? "" : ",\"variant\":\"" + variant + "\"")
        + "}";
  }

  private static byte[] index(String... entries) {
    return utf8(
        "{\"schemaVersion\":2,\"mediaType\":\""
            + ServedImage.INDEX
            + "\",\"manifests\":["
            + String.join(",", entries)
            + "]}");
  }

  @Test
  void variantsAttestationsAndUnknownTypesOfAnIndexAreSorted() throws Exception {
    ServedImage v5 = ServedImage.of("v5", "arm", "v5");
    ServedImage v7 = ServedImage.of("v7", "arm", "v7");
    ServedImage v8 = ServedImage.of("v8", "arm64", "");
    for (ServedImage one : List.of(v5, v7, v8)) {
      one.serve(registry, "a", "unused");
    }
    String attestation =
        descriptor(ServedImage.MANIFEST, utf8("attestation"))
            .replaceFirst(
                "\\}$",
                ",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"},\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}}");
    String signature = descriptor("application/vnd.example.signature", utf8("signature"));
    tagged(
        index(
            attestation,
            signature,
            entry(v5, platform("arm", "v5")),
            entry(image, platform("amd64", "")),
            entry(v7, platform("arm", "v7")),
            entry(v8, platform("arm64", "v8"))),
        ServedImage.INDEX);
    assertThat(pulls.image(reference()).manifestDigest()).isEqualTo(image.digest());
    assertThat(pulls.image(reference(), "linux/arm").manifestDigest()).isEqualTo(v7.digest());
    assertThat(pulls.image(reference(), "linux/arm/v6").manifestDigest()).isEqualTo(v5.digest());
    assertThat(pulls.image(reference(), "linux/arm64").manifestDigest()).isEqualTo(v8.digest());
    assertThatThrownBy(() -> pulls.image(reference(), "linux/s390x"))
        .isInstanceOf(ImageNotFoundException.class)
        .hasMessageContaining("linux/amd64")
        .hasMessageContaining("linux/arm/v7");
  }

  @Test
  void indexOfAttestationsOnlyHasNoImage() {
    String attestation =
        descriptor(ServedImage.MANIFEST, utf8("x"))
            .replaceFirst(
                "\\}$", ",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}}");
    tagged(index(attestation), ServedImage.INDEX);
    assertThatThrownBy(() -> pulls.image(reference()))
        .isInstanceOf(ImageNotFoundException.class)
        .hasMessageContaining("none at all");
  }

  @Test
  void nestedIndexAndEntryWithoutPlatformAreLookedInto() throws Exception {
    byte[] inner = index(entry(image, ""));
    registry.on(
        "GET /v2/a/manifests/" + Digest.sha256(inner),
        body(200, inner, "Content-Type", ServedImage.INDEX));
    tagged(index(descriptor(ServedImage.INDEX, inner)), ServedImage.INDEX);
    assertThat(pulls.image(reference()).manifestDigest()).isEqualTo(image.digest());
  }

  @Test
  void ofEqualMatchesTheFirstIsTaken() throws Exception {
    ServedImage second = ServedImage.of("second");
    second.serve(registry, "a", "unused");
    tagged(
        index(entry(second, platform("amd64", "")), entry(image, platform("amd64", ""))),
        ServedImage.INDEX);
    assertThat(pulls.image(reference()).manifestDigest()).isEqualTo(second.digest());
  }

  @Test
  void indexesNestedTooDeepAreRefused() {
    byte[] inner = index(entry(image, platform("s390x", "")));
    for (int depth = 0; depth < 6; depth++) {
      registry.on(
          "GET /v2/a/manifests/" + Digest.sha256(inner),
          body(200, inner, "Content-Type", ServedImage.INDEX));
      inner = index(descriptor(ServedImage.INDEX, inner));
    }
    tagged(inner, ServedImage.INDEX);
    assertThatThrownBy(() -> pulls.image(reference())).hasMessageContaining("nested deeper");
  }

  @Test
  void artifactThatIsNoImageIsNamed() {
    byte[] artifact =
        utf8(
            "{\"schemaVersion\":2,\"config\":"
                + descriptor("application/vnd.cncf.helm.config.v1+json", utf8("{}"))
                + ",\"layers\":[]}");
    tagged(artifact, ServedImage.MANIFEST);
    assertThatThrownBy(() -> pulls.image(reference()))
        .isInstanceOf(ImageNotFoundException.class)
        .hasMessageContaining("an artifact of application/vnd.cncf.helm.config.v1+json");
  }

  @Test
  void configWithAnotherNumberOfLayersIsRefused() {
    config(
        utf8(
            "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}"),
        "{\"schemaVersion\":2,\"config\":%s,\"layers\":" + layers() + "}");
    assertThatThrownBy(() -> pulls.image(reference()))
        .hasMessageContaining("1 layers")
        .hasMessageContaining("0 diff_ids");
  }

  @Test
  void configWhoseRootfsIsNotOfLayersIsRefused() {
    config(
        utf8(
            "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"type\":\"other\",\"diff_ids\":[]}}"),
        "{\"schemaVersion\":2,\"config\":%s,\"layers\":[]}");
    assertThatThrownBy(() -> pulls.image(reference())).hasMessageContaining("rootfs.type");
  }

  @Test
  void configOfTwentyMebibytesIsRefusedByItsSize() {
    String config =
        descriptor("application/vnd.oci.image.config.v1+json", new byte[1])
            .replaceFirst("\"size\":1", "\"size\":" + (20 << 20));
    tagged(
        utf8("{\"schemaVersion\":2,\"config\":" + config + ",\"layers\":[]}"),
        ServedImage.MANIFEST);
    assertThatThrownBy(() -> pulls.image(reference())).hasMessageContaining("20971520 bytes");
    assertThat(registry.seen()).noneMatch(seen -> seen.path().contains("/blobs/"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        "application/vnd.oci.image.layer.v1.tar+xz",
        "application/vnd.example.layer"
      })
  void layerOfAnotherTypeIsRefusedByName(String type) {
    config(
        image.config(),
        "{\"schemaVersion\":2,\"config\":%s,\"layers\":["
            + descriptor(type, image.layer()).replace("%", "%%")
            + "]}");
    assertThatThrownBy(() -> pulls.image(reference()))
        .isInstanceOf(InvalidImageException.class)
        .hasMessageContaining("layer " + image.layerDigest());
  }

  @Test
  void everyMediaTypeOfLayersIsTaken() throws Exception {
    for (String type :
        List.of(
            "application/vnd.oci.image.layer.v1.tar",
            "application/vnd.oci.image.layer.v1.tar+zstd",
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.diff.tar.zstd",
            "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")) {
      config(
          image.config(),
          "{\"schemaVersion\":2,\"config\":%s,\"layers\":["
              + descriptor(type, image.layer())
              + "]}");
      assertThat(pulls.image(reference()).layers()).as(type).hasSize(1);
    }
  }

  @Test
  void digestWithAPathInItIsNoDigest() {
    String evil = "sha256:../../../../etc/passwd";
    tagged(
        utf8(
            "{\"schemaVersion\":2,\"config\":{\"digest\":\""
                + evil
                + "\",\"size\":1},\"layers\":[]}"),
        ServedImage.MANIFEST);
    assertThatThrownBy(() -> pulls.image(reference())).isInstanceOf(InvalidImageException.class);
    assertThat(
            registry.seen().stream().map(ScriptedRegistry.Seen::path).collect(Collectors.joining()))
        .doesNotContain("passwd");
  }
}
