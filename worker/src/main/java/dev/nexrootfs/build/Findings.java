package dev.nexrootfs.build;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Finding;
import dev.nexrootfs.protocol.Lint;
import dev.nexrootfs.protocol.RequestException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What was found in an image's tree: kept with its object, so that a later hit tells it, too. */
final class Findings {
  /** They travel in an object's metadata and in replies, which a message has to hold. */
  private static final int MOST = 100;

  private static final int LONGEST = 300;

  private static final ObjectMapper JSON = new ObjectMapper();

  private Findings() {}

  /**
   * Fails where a strict request's image would not boot or not start the agent.
   *
   * @throws RequestException {@link ErrorCode#LINT_FAILED}, with every error that was found
   */
  static void check(BuildRequest request, List<Finding> findings) throws RequestException {
    String errors =
        findings.stream()
            .filter(finding -> finding.level() == Finding.Level.ERROR)
            .map(Finding::line)
            .collect(Collectors.joining("; "));
    if (request.lint() == Lint.STRICT && !errors.isEmpty()) {
      throw new RequestException(ErrorCode.LINT_FAILED, errors);
    }
  }

  /** At most {@link #MOST}, the errors first, with paths and messages of a length for people. */
  static List<Finding> bounded(List<Finding> all) {
    List<Finding> bounded =
        all.stream()
            .sorted(Comparator.comparing(Finding::level))
            .limit(MOST)
            .map(
                f -> new Finding(f.level(), f.check(), shortened(f.path()), shortened(f.message())))
            .collect(Collectors.toCollection(ArrayList::new));
    if (all.size() > MOST) {
      bounded.add(
          new Finding(
              Finding.Level.NOTE,
              "MORE",
              "/",
              (all.size() - MOST) + " more findings are left out"));
    }
    return bounded;
  }

  private static String shortened(String text) {
    return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "…";
  }

  static String write(List<Finding> findings) {
    try {
      return JSON.writeValueAsString(findings);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("findings are not JSON: " + findings, e);
    }
  }

  /** The findings in an object's metadata; none where an earlier worker has made it. */
  static List<Finding> read(@Nullable String json) throws IOException {
    return json == null || json.isEmpty()
        ? List.of()
        : List.of(JSON.readValue(json, Finding[].class));
  }
}
