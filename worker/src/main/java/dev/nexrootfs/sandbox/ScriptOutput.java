package dev.nexrootfs.sandbox;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * What a script says: its lines, one after the other, and the end of it. Of control characters
 * nothing is kept, and what looks like a secret is struck out.
 *
 * <p>Bounded: a line has at most {@link #MAX_LINE} bytes and is cut there, and only the end is
 * kept.
 */
public final class ScriptOutput {
  /** Longest line that is kept. */
  static final int MAX_LINE = 1024;

  /** How much of the end is kept, characters. */
  public static final int TAIL = 8192;

  private static final String STRUCK = "***";

  /** Each with one group, which stays. */
  private static final List<Pattern> SECRETS =
      List.of(
          Pattern.compile("([A-Za-z][A-Za-z0-9+.-]*://)[^/@\\s]+(?=@)"),
          Pattern.compile("(?i)(authorization:\\s*(?:[a-z]+\\s+)?)\\S+"),
          Pattern.compile(
              "(?i)([a-z0-9_.-]*(?:password|passwd|secret|token|api[_-]?key|credential)[a-z0-9_.-]*[\"']?\\s*[=:]\\s*)\\S+"),
          // Seeds of NKeys and JSON Web Tokens, the line stays without them.
          Pattern.compile("()\\bS[UAONCX][A-Z2-7]{50,}"),
          Pattern.compile("()\\beyJ[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]*"));

  private final Consumer<String> lines;
  private final Runnable beat;
  private final byte[] line = new byte[MAX_LINE];
  private final StringBuilder tail = new StringBuilder();
  private int length;
  private boolean cut;
  private boolean inKey;
  private long bytes;

  /**
   * The output of one script.
   *
   * @param lines is told each line, by a thread of the sandbox's
   * @param beat is called many times a second while the script runs, by the thread that runs it;
   *     what it throws ends the script
   */
  public ScriptOutput(Consumer<String> lines, Runnable beat) {
    this.lines = lines;
    this.beat = beat;
  }

  void beat() {
    beat.run();
  }

  /** Takes the next bytes. */
  synchronized void add(byte[] buffer, int count) {
    bytes += count;
    for (int i = 0; i < count; i++) {
      if (buffer[i] == '\n' || buffer[i] == '\r') {
        endLine();
      } else if (length < MAX_LINE) {
        line[length++] = buffer[i];
      } else {
        cut = true;
      }
    }
  }

  /** There is no more. */
  synchronized void end() {
    endLine();
  }

  /** How much there was. */
  synchronized long bytes() {
    return bytes;
  }

  /** The end of it, with whole lines where they are not longer than that. */
  public synchronized String tail() {
    return tail.toString().strip();
  }

  private void endLine() {
    if (length == 0) {
      return;
    }
    String text = clean(new String(line, 0, length, StandardCharsets.UTF_8)) + (cut ? "…" : "");
    length = 0;
    cut = false;
    if (text.isBlank()) {
      return;
    }
    tail.append(text).append('\n');
    if (tail.length() > TAIL) {
      int newLine = tail.indexOf("\n", tail.length() - TAIL);
      tail.delete(
          0, newLine < 0 || newLine == tail.length() - 1 ? tail.length() - TAIL : newLine + 1);
    }
    lines.accept(text);
  }

  private String clean(String text) {
    String plain = text.replaceAll("\\x1b\\[[0-9;?]*[A-Za-z]", "").replaceAll("\\p{Cntrl}+", " ");
    if (inKey || plain.contains("PRIVATE KEY-----")) {
      inKey = !plain.contains("-----END");
      return STRUCK;
    }
    for (Pattern secret : SECRETS) {
      plain = secret.matcher(plain).replaceAll("$1" + STRUCK);
    }
    return plain;
  }
}
