package dev.nexrootfs.oracle;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An image as debugfs of e2fsprogs reads it. */
public final class Debugfs {
  private static final Pattern ENTRY =
      Pattern.compile("/(\\d+)/(\\d{6})/-?(\\d+)/-?(\\d+)/([^/]*)/(\\d*)/");
  private static final Pattern TYPE =
      Pattern.compile("Inode: (\\d+)\\s+Type: (\\S+(?: \\S+)?)\\s+Mode:\\s+(\\d+)");
  private static final Pattern OWNER = Pattern.compile("User:\\s+(-?\\d+)\\s+Group:\\s+(-?\\d+)");
  private static final Pattern SIZE = Pattern.compile("Size: (\\d+)");
  private static final Pattern LINKS = Pattern.compile("Links: (\\d+)");
  private static final Pattern MTIME = Pattern.compile("mtime: 0x([0-9a-f]{8})(?::([0-9a-f]{8}))?");
  private static final Pattern FAST_LINK =
      Pattern.compile("Fast link dest: \"(.*)\"", Pattern.DOTALL);
  private static final Pattern DEVICE =
      Pattern.compile("(?:Device|New-style) (?:major/minor )?(?:number: )?(\\d+):(\\d+)");

  private final Path image;

  private Debugfs(Path image) {
    this.image = image;
  }

  /** The lines of {@code image}, its contents dumped into {@code scratch}. */
  public static Listing list(Path image, Path scratch) throws IOException {
    return new Debugfs(image).list(scratch);
  }

  /** What debugfs says of one inode or path. */
  public static String stat(Path image, String what) {
    return Command.of("debugfs", "-R", "stat " + what, image).run().orThrow().output();
  }

  private Listing list(Path scratch) throws IOException {
    Map<String, Long> inodes = new LinkedHashMap<>();
    inodes.put("", 2L);
    List<String> open = List.of("");
    while (!open.isEmpty()) {
      open = addLevel(open, inodes);
    }
    List<Long> distinct = inodes.values().stream().distinct().toList();
    Map<Long, String> stats = stats(distinct);
    dump(distinct, stats, scratch);
    TreeMap<String, String> lines = new TreeMap<>();
    for (Map.Entry<String, Long> entry : inodes.entrySet()) {
      lines.put(
          entry.getKey(),
          line(
              Objects.requireNonNull(stats.get(entry.getValue())),
              scratch.resolve("" + entry.getValue())));
    }
    return new Listing(lines);
  }

  /**
   * Adds what is in the directories of {@code open}; the paths of those that are directories
   * themselves.
   */
  private List<String> addLevel(List<String> open, Map<String, Long> inodes) {
    StringBuilder script = new StringBuilder();
    open.forEach(path -> script.append("ls -p <").append(inodes.get(path)).append(">\n"));
    String[] answers = answers(script.toString());
    List<String> below = new ArrayList<>();
    for (int i = 0; i < open.size(); i++) {
      Matcher entry = ENTRY.matcher(answers[i]);
      while (entry.find()) {
        String name = entry.group(5);
        long ino = Long.parseLong(entry.group(1));
        if (ino == 0 || name.equals(".") || name.equals("..")) {
          continue;
        }
        String path = open.get(i).isEmpty() ? name : open.get(i) + "/" + name;
        inodes.put(path, ino);
        if (entry.group(2).startsWith("04")) {
          below.add(path);
        }
      }
    }
    return below;
  }

  private Map<Long, String> stats(List<Long> inodes) {
    StringBuilder script = new StringBuilder();
    inodes.forEach(ino -> script.append("stat <").append(ino).append(">\n"));
    String[] answers = answers(script.toString());
    Map<Long, String> stats = new TreeMap<>();
    for (int i = 0; i < answers.length; i++) {
      stats.put(inodes.get(i), answers[i]);
    }
    return stats;
  }

  private void dump(List<Long> inodes, Map<Long, String> stats, Path scratch) {
    StringBuilder script = new StringBuilder();
    for (Long ino : inodes) {
      String stat = Objects.requireNonNull(stats.get(ino));
      if (stat.contains("Type: regular")
          || (stat.contains("Type: symlink") && !stat.contains("Fast link"))) {
        script
            .append("dump <")
            .append(ino)
            .append("> ")
            .append(scratch.resolve("" + ino))
            .append('\n');
      }
    }
    if (script.length() > 0) {
      answers(script.toString());
    }
  }

  /** What debugfs says to each command, in order. */
  private String[] answers(String script) {
    String output =
        Command.of("debugfs", "-f", "-", image)
            .input(script.getBytes(StandardCharsets.US_ASCII))
            .timeout(300)
            .run()
            .orThrow()
            .output();
    // Each command is echoed behind the prompt.
    String[] parts = output.split("debugfs: +[a-z]+ [^\n]*\n", -1);
    return java.util.Arrays.copyOfRange(parts, 1, parts.length);
  }

  private static String line(String stat, Path dumped) throws IOException {
    Matcher type = find(TYPE, stat);
    Matcher owner = find(OWNER, stat);
    Matcher mtime = find(MTIME, stat);
    String kind = type.group(2).strip();
    long size = Long.parseLong(find(SIZE, stat).group(1));
    long links = Long.parseLong(find(LINKS, stat).group(1));
    String letter;
    String detail = "";
    if (kind.startsWith("directory")) {
      letter = "d";
      links = 0;
      size = 0;
    } else if (kind.startsWith("regular")) {
      letter = "f";
      detail = HexFormat.of().formatHex(Listing.newSha256().digest(Files.readAllBytes(dumped)));
    } else if (kind.startsWith("symlink")) {
      letter = "l";
      Matcher fast = FAST_LINK.matcher(stat);
      detail =
          fast.find()
              ? fast.group(1)
              : new String(Files.readAllBytes(dumped), StandardCharsets.ISO_8859_1);
    } else if (kind.startsWith("FIFO")) {
      letter = "p";
    } else {
      letter = kind.startsWith("block") ? "b" : "c";
      Matcher device = find(DEVICE, stat);
      detail = Integer.parseInt(device.group(1)) + ":" + Integer.parseInt(device.group(2));
    }
    return Listing.line(
        letter,
        Integer.parseInt(type.group(3), 8),
        Integer.toUnsignedLong((int) Long.parseLong(owner.group(1))),
        Integer.toUnsignedLong((int) Long.parseLong(owner.group(2))),
        time(mtime.group(1), Objects.requireNonNullElse(mtime.group(2), "0")),
        links,
        size,
        detail);
  }

  private static Instant time(String low, String high) {
    int seconds = Integer.parseUnsignedInt(low, 16);
    int extra = Integer.parseUnsignedInt(high, 16);
    return Instant.ofEpochSecond(seconds + ((extra & 3L) << 32), extra >>> 2);
  }

  private static Matcher find(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    if (!matcher.find()) {
      throw new AssertionError("debugfs did not say " + pattern + " in:\n" + text);
    }
    return matcher;
  }
}
