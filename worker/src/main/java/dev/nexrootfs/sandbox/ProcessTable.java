package dev.nexrootfs.sandbox;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The processes of this machine at one moment: who is whose child. */
final class ProcessTable {
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
  private static final Pattern ANONYMOUS = Pattern.compile("RssAnon:\\s+(\\d+) kB");

  private final Map<Long, List<Long>> children = new HashMap<>();

  private ProcessTable() {}

  /** Reads /proc. Those that have ended and wait for their parents do not count. */
  static ProcessTable read() throws IOException {
    ProcessTable table = new ProcessTable();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(Path.of("/proc"), "[1-9]*")) {
      for (Path entry : entries) {
        table.add(entry);
      }
    }
    return table;
  }

  /** Whether {@code pid} has not ended. */
  static boolean isLiving(long pid) {
    Optional<String[]> fields = stat(Path.of("/proc/" + pid));
    return fields.isPresent() && !hasEnded(fields.get());
  }

  /** The state and the parent of a process, and the rest; empty where it is gone. */
  private static Optional<String[]> stat(Path entry) {
    try {
      String stat = Files.readString(entry.resolve("stat"), StandardCharsets.ISO_8859_1);
      // The name, in parentheses, may hold anything.
      return Optional.of(stat.substring(stat.lastIndexOf(')') + 2).split(" ", 3));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static boolean hasEnded(String[] fields) {
    return fields[0].equals("Z") || fields[0].equals("X");
  }

  private void add(Path entry) {
    Optional<String[]> fields = stat(entry);
    if (fields.isPresent() && !hasEnded(fields.get())) {
      children
          .computeIfAbsent(Long.parseLong(fields.get()[1]), parent -> new ArrayList<>())
          .add(Long.parseLong(entry.getFileName().toString()));
    }
  }

  boolean hasLivingChild(long pid) {
    return children.containsKey(pid);
  }

  /** All that descend from {@code pid}. */
  List<Long> descendants(long pid) {
    List<Long> found = new ArrayList<>();
    Deque<Long> open = new ArrayDeque<>();
    open.push(pid);
    while (!open.isEmpty()) {
      for (long child : children.getOrDefault(open.pop(), List.of())) {
        found.add(child);
        open.push(child);
      }
    }
    return found;
  }

  /** Memory that {@code pid} has for itself, bytes; 0 where it has ended. */
  static long memory(long pid) {
    try {
      String status =
          Files.readString(Path.of("/proc/" + pid + "/status"), StandardCharsets.ISO_8859_1);
      Matcher matcher = ANONYMOUS.matcher(status);
      return matcher.find() ? Long.parseLong(matcher.group(1)) << 10 : 0;
    } catch (IOException e) {
      return 0; // it has ended just now
    }
  }

  static void pause() {
    LockSupport.parkNanos(PAUSE_NANOS);
  }
}
