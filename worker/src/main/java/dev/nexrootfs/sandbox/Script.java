package dev.nexrootfs.sandbox;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;

/**
 * A script, and what it finds when it starts.
 *
 * @param bytes its text, which says by {@code #!} what reads it, else {@code /bin/sh} does; or an
 *     ELF executable
 * @param network whether it reaches what the worker reaches
 * @param environment the image's, by name: it adds to what every script finds, and wins over it
 * @param time the latest time that a file may have afterwards; the script finds it in {@code
 *     SOURCE_DATE_EPOCH}
 */
public record Script(byte[] bytes, boolean network, Map<String, String> environment, Instant time) {
  /** Copies the map. */
  public Script {
    environment = Map.copyOf(environment);
  }

  /** What reads it: the program of its first line, or {@code /bin/sh}; itself, where it is ELF. */
  String interpreter() {
    String line = new String(bytes, StandardCharsets.ISO_8859_1).lines().findFirst().orElse("");
    if (!line.startsWith("#!")) {
      return startsByItself() ? "the ELF loader that it names" : "/bin/sh";
    }
    String words = line.substring(2).strip();
    return words.substring(0, Math.min(200, words.length()));
  }

  /** Whether the kernel can start it by itself. */
  boolean startsByItself() {
    boolean interpreted = bytes.length > 2 && bytes[0] == '#' && bytes[1] == '!';
    boolean elf =
        bytes.length > 4
            && bytes[0] == 0x7F
            && bytes[1] == 'E'
            && bytes[2] == 'L'
            && bytes[3] == 'F';
    return interpreted || elf;
  }
}
