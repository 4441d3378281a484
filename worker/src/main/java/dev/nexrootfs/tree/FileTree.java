package dev.nexrootfs.tree;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A whole tree and the rule for finding one's way in it: symbolic links in a path are followed
 * inside the tree, with the tree's root as "/" and as the end of "..", as chroot does.
 */
public final class FileTree {
  /** Most symbolic links in one look-up, as the kernel's MAXSYMLINKS is meant. */
  public static final int MAX_LINKS = 40;

  /** As long as a component takes to find, so many bytes of a link take to read. */
  private static final int LINK_BYTES_PER_STEP = 16;

  private final Directory root;
  private final long maxNodes;
  private final List<Long> layerStarts = new ArrayList<>();
  private final List<Retired> retired = new ArrayList<>();
  private long nextSequence;
  private long turns;
  private long steps;

  /**
   * A name that a later layer took away. Whoever keeps lower layers where they were in images
   * without that layer needs to know what was there.
   *
   * @param directory where the name was
   * @param name the name
   * @param node what had it; may have other names still
   */
  public record Retired(Directory directory, Name name, Node node) {}

  /**
   * A tree of an empty root directory: 0755 root:root, of {@code time}, for any number of nodes.
   */
  public FileTree(Instant time) {
    this(time, Long.MAX_VALUE);
  }

  /**
   * A tree of an empty root directory: 0755 root:root, of {@code time}.
   *
   * @param maxNodes the most nodes that may ever be added
   */
  public FileTree(Instant time, long maxNodes) {
    this.maxNodes = maxNodes;
    root = new Directory(Attributes.of(0755, 0, 0, time), 0);
    nextSequence = 1;
  }

  /** The root directory. */
  public Directory root() {
    return root;
  }

  /**
   * The sequence for the next node that is added.
   *
   * @throws TreeTooLargeException where that would be one too many
   */
  public long nextSequence() {
    if (nextSequence > maxNodes) {
      throw new TreeTooLargeException(maxNodes);
    }
    return nextSequence++;
  }

  /** One more than the highest sequence that was given out. */
  public long sequences() {
    return nextSequence;
  }

  /** Tells that what is added from now on is another layer's. */
  public void beginLayer() {
    layerStarts.add(nextSequence);
  }

  /** The first sequence of each layer, ascending. */
  public List<Long> layerStarts() {
    return Collections.unmodifiableList(layerStarts);
  }

  /**
   * Gives the nodes of all layers new sequences, as if the layers had come in another order; what a
   * layer took away stays away. Nodes that came before any layer keep theirs.
   *
   * @param order the layers by their numbers until now, each once
   */
  public void arrangeLayers(List<Integer> order) {
    List<Long> starts = List.copyOf(layerStarts);
    long[] shifts = new long[starts.size()];
    layerStarts.clear();
    long next = starts.isEmpty() ? nextSequence : starts.get(0);
    for (int layer : order) {
      long end = layer + 1 < starts.size() ? starts.get(layer + 1) : nextSequence;
      shifts[layer] = next - starts.get(layer);
      layerStarts.add(next);
      next += end - starts.get(layer);
    }
    for (Node node : everyNode()) {
      int layer = layerOf(starts, node.sequence());
      if (layer >= 0) {
        node.setSequence(node.sequence() + shifts[layer]);
      }
    }
  }

  private static int layerOf(List<Long> starts, long sequence) {
    int low = 0;
    int high = starts.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (starts.get(middle) <= sequence) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  /** Every node that has a name or had one, once. */
  private Set<Node> everyNode() {
    Set<Node> all = Collections.newSetFromMap(new IdentityHashMap<>());
    Deque<Node> open = new ArrayDeque<>();
    open.push(root);
    retired.forEach(name -> open.push(name.node()));
    retired.forEach(name -> open.push(name.directory()));
    while (!open.isEmpty()) {
      Node node = open.pop();
      if (all.add(node) && node instanceof Directory directory) {
        directory.entries().values().forEach(open::push);
      }
    }
    return all;
  }

  /** The names of lower layers that upper layers took away. */
  public List<Retired> retired() {
    return Collections.unmodifiableList(retired);
  }

  /**
   * Changes whenever a path that led to a directory may lead to another one, or nowhere: a
   * directory that was found stays the right one as long as this stays the same.
   */
  public long turns() {
    return turns;
  }

  /** How much work all look-ups were: components, and bytes of the links that were followed. */
  public long steps() {
    return steps;
  }

  /** Gives {@code node} a name, in place of what had it. */
  public void put(Directory directory, Name name, Node node) {
    retire(directory, name, directory.put(name, node));
  }

  /** Removes a name, where it is there. */
  public void remove(Directory directory, Name name) {
    retire(directory, name, directory.remove(name));
  }

  /** Removes all names from a directory. */
  public void clear(Directory directory) {
    List.copyOf(directory.entries().keySet()).forEach(name -> remove(directory, name));
  }

  private void retire(Directory directory, Name name, Optional<Node> removed) {
    if (removed.isEmpty()) {
      return;
    }
    if (removed.get() instanceof Directory || removed.get() instanceof SymbolicLink) {
      turns++;
    }
    if (isOfLowerLayer(removed.get())) {
      retired.add(new Retired(directory, name, removed.get()));
    }
  }

  private boolean isOfLowerLayer(Node node) {
    return !layerStarts.isEmpty() && node.sequence() < layerStarts.get(layerStarts.size() - 1);
  }

  /** The node at {@code path}, where each parent is resolved and the last name is not followed. */
  public Optional<Node> find(TreePath path) throws IOException {
    if (path.isRoot()) {
      return Optional.of(root);
    }
    Optional<Directory> parent = findDirectory(path.parent());
    return parent.flatMap(directory -> directory.get(path.last()));
  }

  /** The node at {@code path} with every symbolic link resolved, the last name's too. */
  public Optional<Node> resolve(TreePath path) throws IOException {
    Walk walk = new Walk(path);
    while (walk.hasNext()) {
      if (!walk.step()) {
        return walk.hasNext() ? Optional.empty() : walk.directory().get(walk.missing());
      }
    }
    return Optional.of(walk.directory());
  }

  /** The directory at {@code path} with every symbolic link resolved, if there is one. */
  public Optional<Directory> findDirectory(TreePath path) throws IOException {
    Walk walk = new Walk(path);
    while (walk.hasNext()) {
      if (!walk.step()) {
        return Optional.empty();
      }
    }
    return Optional.of(walk.directory());
  }

  /**
   * The directory at {@code path} with every symbolic link resolved; missing ones are made as 0755
   * root:root of {@code time}, also where a dangling link points.
   *
   * @throws IOException where a component is a file, or links loop
   */
  public Directory makeDirectories(TreePath path, Instant time) throws IOException {
    return makeDirectories(path, time, false);
  }

  /**
   * The same, where a file of a lower layer that stands in the way is replaced; one of the same
   * layer is an error.
   */
  public Directory makeDirectoriesOverLower(TreePath path, Instant time) throws IOException {
    return makeDirectories(path, time, true);
  }

  private Directory makeDirectories(TreePath path, Instant time, boolean overLower)
      throws IOException {
    Walk walk = new Walk(path);
    while (walk.hasNext()) {
      if (!walk.step()) {
        Name name = walk.missing();
        Optional<Node> present = walk.directory().get(name);
        if (present.isPresent() && !(overLower && isOfLowerLayer(present.get()))) {
          throw new IOException(
              path
                  + ": the component \""
                  + name
                  + "\" is a file, not a directory; nothing can be below it");
        }
        walk.enter(name, new Directory(Attributes.of(0755, 0, 0, time), nextSequence()));
      }
    }
    return walk.directory();
  }

  /** One look-up: where it is, and what is still to go. */
  private final class Walk {
    private final TreePath path;
    private final Deque<Directory> ancestors = new ArrayDeque<>();
    private final Deque<Name> rest;
    private Directory directory = root;
    private Name component = Name.PARENT;
    private int links;
    private int components;

    Walk(TreePath path) {
      this.path = path;
      rest = new ArrayDeque<>(path.names());
    }

    boolean hasNext() {
      return !rest.isEmpty();
    }

    Directory directory() {
      return directory;
    }

    /** The name that the last step did not find as a directory. */
    Name missing() {
      return component;
    }

    void enter(Name name, Directory child) {
      put(directory, name, child);
      ancestors.push(directory);
      directory = child;
    }

    /** Goes one component on; false where it is not there or not a directory. */
    boolean step() throws IOException {
      component = rest.removeFirst();
      steps++;
      if (++components > TreePath.MAX_BYTES) {
        throw new IOException(
            path + ": symbolic links lead through more than " + TreePath.MAX_BYTES + " components");
      }
      if (component.equals(Name.PARENT)) {
        directory = ancestors.isEmpty() ? root : ancestors.pop();
        return true;
      }
      if (component.length() > Name.MAX_BYTES) {
        throw new IOException(
            path + ": a symbolic link leads to a name of " + component.length() + " bytes");
      }
      Node child = directory.find(component);
      if (child instanceof Directory next) {
        ancestors.push(directory);
        directory = next;
        return true;
      }
      if (child instanceof SymbolicLink link) {
        follow(link);
        return true;
      }
      return false;
    }

    private void follow(SymbolicLink link) throws IOException {
      if (++links > MAX_LINKS) {
        throw new IOException(
            path + ": more than " + MAX_LINKS + " symbolic links; they form a loop");
      }
      byte[] target = link.target();
      steps += target.length / LINK_BYTES_PER_STEP;
      if (target[0] == '/') {
        ancestors.clear();
        directory = root;
      }
      int end = target.length;
      for (int i = target.length - 1; i >= -1; i--) {
        if (i < 0 || target[i] == '/') {
          boolean dot = end - i == 2 && target[i + 1] == '.';
          if (end - i > 1 && !dot) {
            rest.addFirst(Name.component(Arrays.copyOfRange(target, i + 1, end)));
          }
          end = i;
        }
      }
    }
  }
}
