package dev.nexrootfs.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The tags of a repository (distribution-spec, "Listing Tags"), for the message that one is not
 * there. Registries need not have the list, and their first page need not be all.
 */
final class TagList {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_BYTES = 1 << 20;
  private static final int SHOWN = 10;

  /** As distribution-spec has it; what else a registry may say has no place in a message. */
  private static final Pattern TAG = Pattern.compile("[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}");

  private TagList() {}

  /**
   * The tags that are most like {@code wanted}, ten at most; none where there are none or the
   * registry does not tell.
   */
  static List<String> near(
      RegistryClient client, Endpoint endpoint, String repository, String wanted) {
    try (Answer answer = client.request("GET", endpoint, repository, "/tags/list", Map.of())) {
      JsonNode list = JSON.readTree(answer.document(MAX_BYTES)).path("tags");
      List<String> tags = new ArrayList<>();
      for (JsonNode tag : list) {
        if (list.isArray() && tag.isTextual() && TAG.matcher(tag.asText()).matches()) {
          tags.add(tag.asText());
        }
      }
      tags.sort(Comparator.comparingInt((String tag) -> -commonPrefix(tag, wanted)));
      return List.copyOf(tags.subList(0, Math.min(SHOWN, tags.size())));
    } catch (IOException e) {
      return List.of(); // no list, or too long a one: the message does without
    }
  }

  private static int commonPrefix(String one, String other) {
    int length = 0;
    while (length < Math.min(one.length(), other.length())
        && one.charAt(length) == other.charAt(length)) {
      length++;
    }
    return length;
  }
}
