package dev.nexrootfs.tree;

import java.util.Collections;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * The extended attributes of one node, by full name like {@code security.capability}, in the order
 * of the names.
 */
public final class Xattrs {
  /** No attributes. */
  public static final Xattrs NONE = new Xattrs(new TreeMap<>());

  private final NavigableMap<String, byte[]> values;

  private Xattrs(NavigableMap<String, byte[]> values) {
    this.values = values;
  }

  /** The attributes of {@code values}; names are bytes seen as ISO-8859-1. */
  public static Xattrs of(Map<String, byte[]> values) {
    if (values.isEmpty()) {
      return NONE;
    }
    TreeMap<String, byte[]> copy = new TreeMap<>();
    values.forEach((name, value) -> copy.put(name, value.clone()));
    return new Xattrs(copy);
  }

  /** Whether there is none. */
  public boolean isEmpty() {
    return values.isEmpty();
  }

  /** The attributes, not to be changed. */
  public Map<String, byte[]> asMap() {
    return Collections.unmodifiableMap(values);
  }
}
