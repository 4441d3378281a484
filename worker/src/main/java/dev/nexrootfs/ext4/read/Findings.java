package dev.nexrootfs.ext4.read;

import java.util.ArrayList;
import java.util.List;

/** The findings so far, up to a bound. */
final class Findings {
  private final int most;
  private final List<Finding> list = new ArrayList<>();

  Findings(int most) {
    this.most = most;
  }

  /** Whether no more are wanted: then every check ends as soon as it can. */
  boolean isFull() {
    return list.size() >= most;
  }

  List<Finding> list() {
    return List.copyOf(list);
  }

  void add(Finding finding) {
    if (!isFull()) {
      list.add(finding);
    }
  }

  void add(String where, String what, Object value, String expected) {
    if (!isFull()) {
      list.add(new Finding(where, what, value.toString(), expected));
    }
  }

  /** Adds a finding where {@code value} is not {@code expected}. */
  void same(String where, String what, long value, long expected) {
    if (value != expected) {
      add(where, what, value, Long.toString(expected));
    }
  }

  /** The same for bits. */
  void sameBits(String where, String what, int value, int expected) {
    if (value != expected) {
      add(where, what, hex(value), hex(expected));
    }
  }

  /** Adds a finding unless {@code holds}. */
  void require(boolean holds, String where, String what, Object value, String expected) {
    if (!holds) {
      add(where, what, value, expected);
    }
  }

  private static String hex(int value) {
    return String.format("0x%08x", value);
  }
}
