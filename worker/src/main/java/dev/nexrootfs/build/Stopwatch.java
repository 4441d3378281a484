package dev.nexrootfs.build;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** How long each phase took. */
final class Stopwatch {
  private final long start = System.nanoTime();
  private final Map<String, Long> laps = new LinkedHashMap<>();
  private long last = start;

  /** Ends {@code phase}. */
  void lap(Phase phase) {
    long now = System.nanoTime();
    laps.put(phase.text(), TimeUnit.NANOSECONDS.toMillis(now - last));
    last = now;
  }

  /** Milliseconds by phase, and {@code total}. */
  Map<String, Long> millis() {
    Map<String, Long> millis = new LinkedHashMap<>(laps);
    millis.put("total", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
    return millis;
  }
}
