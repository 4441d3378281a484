package dev.nexrootfs.oracle;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/** A directory of this machine, listed by GNU find, which looks every name up. */
public final class Host {
  private static final String FORMAT = "%P\\0%y\\0%m\\0%U\\0%G\\0%T@\\0%n\\0%s\\0%l\\0%i\\0";
  private static final int FIELDS = 10;

  private Host() {}

  /** The lines of {@code directory}. */
  public static Listing list(Path directory) {
    String[] found = split(Command.of("find", directory, "-printf", FORMAT).run().orThrow());
    Map<String, String> digests = new HashMap<>();
    String sums =
        Command.of(
                "sh",
                "-c",
                "cd \"$0\" && find . -type f -print0 | xargs -0 -r sha256sum -z",
                directory)
            .timeout(600)
            .run()
            .orThrow()
            .output();
    for (String sum : sums.split("\0", -1)) {
      if (!sum.isEmpty()) {
        digests.put(sum.substring(66 + 2), sum.substring(0, 64));
      }
    }
    Map<String, String> devices = deviceNumbers(directory);
    TreeMap<String, String> lines = new TreeMap<>();
    for (int i = 0; i + FIELDS <= found.length; i += FIELDS) {
      String path = found[i];
      String type = found[i + 1];
      long size = 0;
      String detail = "";
      switch (type) {
        case "f" -> {
          size = Long.parseLong(found[i + 7]);
          detail = digests.getOrDefault(path, "not read");
        }
        case "l" -> {
          size = Long.parseLong(found[i + 7]);
          detail = found[i + 8];
        }
        case "c", "b" -> detail = devices.getOrDefault(path, "not found");
        default -> {}
      }
      lines.put(
          path,
          Listing.line(
              type,
              Integer.parseInt(found[i + 2], 8),
              Long.parseLong(found[i + 3]),
              Long.parseLong(found[i + 4]),
              time(found[i + 5]),
              type.equals("d") ? 0 : Long.parseLong(found[i + 6]),
              size,
              detail));
    }
    return new Listing(lines);
  }

  /** The numbers of every device, by path. */
  private static Map<String, String> deviceNumbers(Path directory) {
    String[] found =
        split(
            Command.of(
                    "find",
                    directory,
                    "(",
                    "-type",
                    "b",
                    "-o",
                    "-type",
                    "c",
                    ")",
                    "-printf",
                    "%P\\0",
                    "-exec",
                    "stat",
                    "--printf=%t:%T\\0",
                    "{}",
                    ";")
                .run()
                .orThrow());
    Map<String, String> numbers = new HashMap<>();
    for (int i = 0; i + 1 < found.length; i += 2) {
      String[] hex = found[i + 1].split(":", -1);
      numbers.put(found[i], Integer.parseInt(hex[0], 16) + ":" + Integer.parseInt(hex[1], 16));
    }
    return numbers;
  }

  /** find prints tv_sec, a point, and tv_nsec with ten digits, also where tv_sec is negative. */
  private static Instant time(String seconds) {
    int point = seconds.indexOf('.');
    return Instant.ofEpochSecond(
        Long.parseLong(seconds.substring(0, point)),
        Long.parseLong(seconds.substring(point + 1, point + 10)));
  }

  private static String[] split(Command.Result result) {
    return new String(result.bytes(), StandardCharsets.ISO_8859_1).split("\0", -1);
  }
}
