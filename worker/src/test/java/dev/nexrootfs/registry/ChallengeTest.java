package dev.nexrootfs.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ChallengeTest {
  @Test
  void oneHeaderHoldsSeveralChallenges() {
    assertThat(
            Challenge.parse(
                List.of("Basic realm=\"r\", Bearer realm=\"https://t/\",service=\"s\"")))
        .containsExactly(
            new Challenge("basic", Map.of("realm", "r")),
            new Challenge("bearer", Map.of("realm", "https://t/", "service", "s")));
  }

  @Test
  void severalHeadersHoldOneEach() {
    assertThat(Challenge.parse(List.of("Negotiate", "Basic realm=x", "bearer Realm = \"y\"")))
        .extracting(Challenge::scheme)
        .containsExactly("negotiate", "basic", "bearer");
  }

  @Test
  void negotiateWithItsTokenIsNoParameter() {
    assertThat(Challenge.parse(List.of("Negotiate YWJj==, Bearer realm=\"y\"")))
        .extracting(Challenge::scheme)
        .contains("negotiate", "bearer");
  }

  @Test
  void valuesCanBeQuotedEscapedOrBare() {
    assertThat(Challenge.parse(List.of("Bearer a=\"x\\\"y\\\\z\",b=bare,c=\"with, comma=1\"")))
        .containsExactly(
            new Challenge("bearer", Map.of("a", "x\"y\\z", "b", "bare", "c", "with, comma=1")));
  }

  @Test
  void scopeWithSeveralActionsStaysWhole() {
    assertThat(
            Challenge.parse(List.of("Bearer scope=\"repository:a/b:pull,push\",service=s"))
                .get(0)
                .parameter("scope"))
        .contains("repository:a/b:pull,push");
  }

  @Test
  void garbageEndsAndSaysNothing() {
    assertThat(Challenge.parse(List.of("", ",,,", "=\"", "\"", "Bearer realm=\"open", "@[]{}")))
        .extracting(Challenge::scheme)
        .containsExactly("bearer");
  }
}
