package dev.nexrootfs.tree;

import java.util.Collections;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A directory: names and their nodes, in the order of the names' bytes. */
public final class Directory extends Node {
  private final TreeMap<Name, Node> entries = new TreeMap<>();

  /** An empty directory. */
  public Directory(Attributes attributes, long sequence) {
    super(attributes, sequence);
  }

  /** The entry of {@code name}. */
  public Optional<Node> get(Name name) {
    return Optional.ofNullable(entries.get(name));
  }

  @Nullable Node find(Name name) {
    return entries.get(name);
  }

  /** Adds an entry, in place of one of the same name, which is returned. */
  public Optional<Node> put(Name name, Node node) {
    return Optional.ofNullable(entries.put(name, node));
  }

  /** Removes an entry and returns it. */
  Optional<Node> remove(Name name) {
    return Optional.ofNullable(entries.remove(name));
  }

  /** The entries, not to be changed through this view. */
  public NavigableMap<Name, Node> entries() {
    return Collections.unmodifiableNavigableMap(entries);
  }
}
