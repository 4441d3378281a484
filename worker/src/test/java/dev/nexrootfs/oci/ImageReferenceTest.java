package dev.nexrootfs.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageReferenceTest {
  private static final String HEX =
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

  @ParameterizedTest
  @CsvSource({
    "alpine, docker.io/library/alpine:latest",
    "alpine:3.22, docker.io/library/alpine:3.22",
    "synadia/nex-rootfs:alpine, docker.io/synadia/nex-rootfs:alpine",
    "docker.io/alpine, docker.io/library/alpine:latest",
    "index.docker.io/alpine, docker.io/library/alpine:latest",
    "registry-1.docker.io/a/b, docker.io/a/b:latest",
    "localhost/a, localhost/a:latest",
    "localhost:5000/a, localhost:5000/a:latest",
    "registry.example/a/b/c:T-1_x.y, registry.example/a/b/c:T-1_x.y",
    "Registry.Example/a, registry.example/a:latest",
    "UPPER/a, UPPER/a:latest",
    "'[::1]:5000/a', '[::1]:5000/a:latest'",
    "127.0.0.1:5000/a__b/c-d/e.f, 127.0.0.1:5000/a__b/c-d/e.f:latest"
  })
  void referencesAreNormalisedAsDockerDoes(String text, String whole) {
    assertThat(ImageReference.parse(text)).hasToString(whole);
    assertThat(ImageReference.parse(whole)).hasToString(whole);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a@sha256:" + HEX, "a:tag@sha256:" + HEX})
  void digestWinsOverTheTag(String text) {
    ImageReference reference = ImageReference.parse(text);
    assertThat(reference.manifest()).isEqualTo("sha256:" + HEX);
    assertThat(reference.tag().isPresent()).isEqualTo(text.contains("tag"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ":tag",
        "a:",
        "a:b:c",
        "A/b/C",
        "a//b",
        "/a",
        "a/",
        "a:-tag",
        "a@",
        "a@sha256:abc",
        "a@md5:" + HEX,
        HEX,
        "a b",
        "a/../b",
        "a?x=1",
        "http://a/b",
        "re_gistry.example/a",
        "registry.example:123456/a",
        "1.1.1.1:99999/x:y",
        "[:::]/x:y",
        "1.1.1.256/x",
        "a/b@sha256:" + HEX + "@sha256:" + HEX
      })
  void whatIsNoReferenceIsRefusedWithWhy(String text) {
    assertThatThrownBy(() -> ImageReference.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("is not [registry/]name[:tag][@digest]: ");
  }

  @ParameterizedTest
  @ValueSource(ints = {127, 128, 129})
  void tagsHaveUpTo128Characters(int length) {
    String text = "a:" + "t".repeat(length);
    if (length <= 128) {
      assertThat(ImageReference.parse(text).tag().orElseThrow()).hasSize(length);
    } else {
      assertThatThrownBy(() -> ImageReference.parse(text))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {245, 246})
  void namesHaveUpTo255Characters(int length) {
    String text = "docker.io/" + "a/" + "b".repeat(length - 2);
    if (length == 245) {
      assertThat(ImageReference.parse(text).repository()).hasSize(245);
    } else {
      assertThatThrownBy(() -> ImageReference.parse(text)).hasMessageContaining("255");
    }
  }
}
