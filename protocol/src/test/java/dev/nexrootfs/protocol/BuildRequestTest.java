package dev.nexrootfs.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BuildRequestTest {
  private static final String AGENT = "\"agent\":\"nats://B/agent\"";

  @Test
  void everyFieldButTheAgentHasNexsDefault() throws Exception {
    BuildRequest request = read("{" + AGENT + "}");
    assertThat(request.image()).isEqualTo("synadia/nex-rootfs:alpine");
    assertThat(request.size().bytes()).isEqualTo(157_286_400L);
    assertThat(request.platform()).isEqualTo("linux/amd64");
    assertThat(request.guest()).isEqualTo(Guest.NEX);
    assertThat(request.namespace()).isEqualTo("default");
    assertThat(request.formats()).isEqualTo(List.of("ext4"));
  }

  @Test
  void plainGuestNeedsNoAgent() throws Exception {
    assertThat(read("{\"guest\":\"plain\"}").agent()).isNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "null",
        "[]",
        "\"text\"",
        "{} {}",
        "{'agent':'a'}",
        "{\"agent\":\"a\",\"agent\":\"b\"}",
        "{\"agent\":\"a\"}trailing",
        "{\"agent\":\"a\"}{\"agent\":\"a\"}",
        "{\"agent\":\"a\"}[]"
      })
  void whatIsNotOneJsonObjectIsRefused(String json) {
    assertThatThrownBy(() -> read(json))
        .isInstanceOfSatisfying(
            RequestException.class,
            e -> assertThat(e.code()).isIn(ErrorCode.INVALID_JSON, ErrorCode.INVALID_FIELD));
  }

  @Test
  void whatIsNestedTooDeeplyIsRefusedWithTheLimit() {
    assertThatThrownBy(() -> read("{\"image\":" + "[".repeat(1500) + "]".repeat(1500) + "}"))
        .isInstanceOfSatisfying(
            RequestException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_JSON))
        .hasMessageEndingWith("exceeds the maximum allowed (1000)");
  }

  @Test
  void unknownFieldIsNamed() {
    refused("{" + AGENT + ",\"sise\":1}", ErrorCode.UNKNOWN_FIELD, "\"sise\"");
    refused(
        "{" + AGENT + ",\"files\":[{\"path\":\"/a\",\"text\":\"\",\"owner\":1}]}",
        ErrorCode.UNKNOWN_FIELD,
        "\"files[0].owner\"");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"size\":0|size",
        "\"size\":-1|size",
        "\"size\":17592186044417|size",
        "\"size\":99999999999999999999|size",
        "\"size\":1.5|size",
        "\"size\":\"157286400\"|size",
        "\"size\":\"free=64MB\"|size",
        "\"size\":\"free=-1\"|size",
        "\"size\":\"free=17TiB\"|size",
        "\"size\":\"free=\"|size",
        "\"size\":\"minimum\"|size",
        "\"image\":\"a b\"|image",
        "\"image\":\"\"|image",
        "\"image\":5|image",
        "\"platform\":\"linux\"|platform",
        "\"guest\":\"full\"|guest",
        "\"name\":\"../x\"|name",
        "\"tag\":\"a/b\"|tag",
        "\"name\":\"build\"|taken",
        "\"name\":\"build_0123\"|taken",
        "\"image\":\"https://user:pw@host/x\"|names a user",
        "\"image\":\"user:pw@host/x\"|image: what stands behind the @ is no digest",
        "\"image\":\"user:pw@host:5000/x:t\"|image: what stands behind the @ is no digest",
        "\"image\":\"user:pw@host:5000/x@sha256:00\"|image: what stands behind the @ is no digest",
        "\"files\":[null]|null in the list",
        "\"formats\":[null]|null in the list",
        "\"files\":{}|files: not a list",
        "\"image\":{}|image: not a string",
        "\"guest\":\"\"|guest: \"\" is not one of [nex, plain]",
        "\"timeoutSeconds\":\"5\"|timeoutSeconds: \"5\" is not a whole number",
        "\"script\":\"\"|script: empty",
        "\"files\":[{\"text\":\"\"}]|path: missing",
        "\"files\":[{\"path\":\"/a\\ud800b\",\"text\":\"\"}]|files[0].path: has half",
        "\"files\":[{\"path\":\"/a\",\"text\":\"x\\udc00\"}]|files[0].text: has half",
        "\"namespace\":\"a.b\"|namespace",
        "\"namespace\":\"*\"|namespace",
        "\"reply\":\"never\"|reply",
        "\"formats\":[\"xfs\"]|formats",
        "\"files\":[{\"path\":\"etc/motd\",\"text\":\"\"}]|path",
        "\"files\":[{\"path\":\"/a/../b\",\"text\":\"\"}]|path",
        "\"files\":[{\"path\":\"/a\"}]|exactly one",
        "\"files\":[{\"path\":\"/a\",\"text\":\"\",\"mode\":\"0999\"}]|mode",
        "\"files\":[{\"path\":\"/a\",\"text\":\"\",\"uid\":4294967295}]|uid",
        "\"files\":[{\"path\":\"/a\",\"text\":\"\"},{\"path\":\"/a\",\"text\":\"b\"}]|\"/a\" is there twice",
        "\"files\":[{\"path\":\"/lost+found\",\"text\":\"\"}]|lost+found",
        "\"files\":[{\"path\":\"/lost+found/a\",\"text\":\"\"}]|lost+found",
        "\"guest\":\"plain\",\"bootScript\":\"#!/bin/sh\"|bootScript: only guest",
        "\"guest\":\"plain\",\"rootPassword\":\"root\"|rootPassword: only guest",
        "\"guest\":\"plain\",\"lint\":\"strict\"|lint: only guest",
        "\"bootScript\":\"echo hi\"|bootScript",
        "\"lint\":\"no\"|lint: \"no\" is not one of [warn, strict]"
      })
  void fieldOutsideItsRangeIsNamed(String field, String named) {
    refused("{" + AGENT + "," + field + "}", ErrorCode.INVALID_FIELD, named);
  }

  @Test
  void rootPasswordIsAHashOrTheWellKnownOneAndIsNotRepeated() throws Exception {
    for (String good : new String[] {"root", "$6$salt$0123456789abcdef", "$y$j9T$abc$0123456789"}) {
      assertThat(read("{" + AGENT + ",\"rootPassword\":\"" + good + "\"}").rootPassword())
          .isEqualTo(good);
    }
    for (String bad :
        new String[] {"hunter2", "", "$6$a:b$0123456789", "$6$salt$01234\\n56789", "x"}) {
      assertThatThrownBy(() -> read("{" + AGENT + ",\"rootPassword\":\"" + bad + "\"}"))
          .isInstanceOfSatisfying(
              RequestException.class,
              e -> {
                assertThat(e.code()).isEqualTo(ErrorCode.INVALID_FIELD);
                assertThat(e.getMessage()).startsWith("rootPassword: neither");
              });
    }
  }

  @Test
  void locationThatIsTooLongOrHasControlCharactersIsRefusedWithoutRepeatingIt() {
    for (String agent : new String[] {"x".repeat(600_000), "\\u0000x", "a\\nb", "\\ud800"}) {
      assertThatThrownBy(() -> read("{\"agent\":\"" + agent + "\"}"))
          .isInstanceOfSatisfying(
              RequestException.class,
              e -> {
                assertThat(e.code()).isEqualTo(ErrorCode.INVALID_FIELD);
                assertThat(e.line()).hasSizeLessThan(200);
              });
    }
  }

  @Test
  void missingAgentIsNamed() {
    refused("{}", ErrorCode.INVALID_FIELD, "agent");
    refused("{\"agent\":\" \"}", ErrorCode.INVALID_FIELD, "agent");
  }

  @ParameterizedTest
  @CsvSource({
    "157286400,WHOLE,157286400,157286400",
    "'\"min\"',FREE,0,min",
    "'\"free=0\"',FREE,0,min",
    "'\"free=64MiB\"',FREE,67108864,free=67108864",
    "'\"free=1\"',FREE,1,free=1"
  })
  void sizeIsOfTheWholeImageOrOfWhatIsLeftFree(
      String json, Size.Policy policy, long bytes, String text) throws RequestException {
    Size size = read("{" + AGENT + ",\"size\":" + json + "}").size();
    assertThat(size).isEqualTo(new Size(policy, bytes));
    assertThat(size).hasToString(text);
  }

  @Test
  void errorLineHasNoControlCharacters() {
    RequestException failure =
        new RequestException(ErrorCode.INTERNAL, "a\r\nNats-Service-Error: b\u0000c");
    assertThat(failure.line()).isEqualTo("a Nats-Service-Error: b c");
  }

  private static BuildRequest read(String json) throws RequestException {
    return Protocol.readRequest(json.getBytes(StandardCharsets.UTF_8));
  }

  private static void refused(String json, ErrorCode code, String named) {
    assertThatThrownBy(() -> read(json))
        .isInstanceOfSatisfying(
            RequestException.class,
            e -> {
              assertThat(e.code()).isEqualTo(code);
              assertThat(e.getMessage()).contains(named);
            });
  }
}
