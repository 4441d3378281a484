package dev.nexrootfs.layer;

import dev.nexrootfs.tar.TarEntry;
import dev.nexrootfs.tar.TarException;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Layers, lowest first, become one tree (image-spec, layer.md).
 *
 * <p>The whiteouts of a layer are applied to the tree below before any of its entries is added: so
 * they never remove what the layer itself brings, wherever in the archive they stand. A directory
 * over a directory takes the new attributes and keeps the children; anything else replaces. Parents
 * that are symbolic links are followed inside the tree; missing ones are made, and a file of a
 * lower layer that stands where one has to be is replaced.
 *
 * <p>A hard link goes to what is there when its entry comes, else to what the layer's whiteouts
 * removed from below, else to what the layer brings later. Its own attributes do not count.
 *
 * <p>Bounded by the program's memory, and in time by the number of entries: see {@link
 * MergeBudget}.
 */
public final class LayerMerge {
  /** Most entries of all layers of an image. */
  public static final int MAX_ENTRIES = 5_000_000;

  /** Rounds of links to links that come later, forward and backward by turns. */
  private static final int MAX_LINK_ROUNDS = 16;

  /** A node takes a few hundred bytes, here and in the plan. */
  private static final long BYTES_PER_NODE = 768;

  /** What a link whose target has not come takes in memory beside its paths. */
  private static final int BYTES_PER_PENDING = 384;

  private final FileTree tree =
      new FileTree(
          Instant.EPOCH, Math.min(MAX_ENTRIES, Runtime.getRuntime().maxMemory() / BYTES_PER_NODE));
  private final MergeBudget budget = new MergeBudget(tree);
  private final Parents parents = new Parents(tree, budget);
  private final Parents targetParents = new Parents(tree, budget);
  private final EntryNodes nodes = new EntryNodes(tree, budget);

  /** The tree of the layers so far. */
  public FileTree tree() {
    return tree;
  }

  /**
   * Adds a layer on top.
   *
   * @throws InvalidLayerException where the layer is malformed or holds an entry that no tree can
   *     hold; the message names layer, entry and field
   */
  public void add(DecodedLayer layer) throws IOException {
    boolean isLowest = tree.root().entries().isEmpty();
    tree.beginLayer();
    try {
      // Below the lowest layer there is nothing that could go.
      Map<Long, Node> removedTargets =
          isLowest || !layer.mayHaveWhiteouts()
              ? Map.of()
              : LayerWhiteouts.apply(layer, tree, budget, parents);
      new Addition(removedTargets).add(layer);
    } catch (TarException e) {
      throw new InvalidLayerException("layer " + layer.diffId() + ": " + e.getMessage(), e);
    }
  }

  /** One layer's entries on their way into the tree. */
  private final class Addition {
    private final Map<Long, Node> removedTargets;

    /** Links whose targets have not come, by their paths; what comes later there takes them out. */
    private final Map<String, LayerEntry> pending = new LinkedHashMap<>();

    Addition(Map<Long, Node> removedTargets) {
      this.removedTargets = removedTargets;
    }

    void add(DecodedLayer layer) throws IOException {
      LayerEntry.forEach(layer, this::add);
      addPending();
    }

    private void add(LayerEntry entry) throws IOException {
      budget.countEntry();
      EntryPath path = entry.path();
      if (path.isWhiteout()) {
        checkWhiteout(path);
        return;
      }
      if (!pending.isEmpty()) {
        forget(path);
      }
      if (entry.tar().type() != TarEntry.Type.HARD_LINK) {
        addNode(entry, path);
      } else if (!addLink(entry, path)) {
        pending.put(path.key(), entry);
        budget.hold(pendingBytes(entry));
      }
    }

    /** In the lowest layer no one else looks at it. */
    private void checkWhiteout(EntryPath path) {
      try {
        Whiteout.of(path.last());
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("whiteout: " + e.getMessage(), e);
      }
    }

    private void forget(EntryPath path) {
      LayerEntry replaced = pending.remove(path.key());
      if (replaced != null) {
        budget.release(pendingBytes(replaced));
      }
    }

    private static long pendingBytes(LayerEntry entry) {
      // Two bytes for each of the path: as it stands, and as the key.
      return BYTES_PER_PENDING + 2L * entry.tar().name().length + entry.tar().linkName().length;
    }

    /** Adds links whose targets came later, or are such links themselves. */
    private void addPending() throws IOException {
      List<LayerEntry> left = new ArrayList<>(pending.values());
      for (int round = 0; !left.isEmpty(); round++) {
        List<LayerEntry> missing = new ArrayList<>();
        for (LayerEntry link : left) {
          link.take(
              entry -> {
                budget.countSteps(1);
                if (!addLink(entry, entry.path())) {
                  missing.add(entry);
                }
              });
        }
        if (missing.size() == left.size() || round == MAX_LINK_ROUNDS) {
          LayerEntry first = missing.get(0);
          throw first.invalid(
              "hard link to " + first.tar().displayLinkName() + ", which does not exist", null);
        }
        Collections.reverse(missing);
        left = missing;
      }
      pending.values().forEach(entry -> budget.release(pendingBytes(entry)));
    }

    /** Gives the target a second name; false where the target is not there. */
    private boolean addLink(LayerEntry entry, EntryPath path) throws IOException {
      try {
        Optional<Node> target = target(entry);
        if (target.isEmpty()) {
          return false;
        }
        if (target.get() instanceof Directory) {
          throw entry.invalid("hard link to the directory " + entry.tar().displayLinkName(), null);
        }
        if (path.isRoot()) {
          throw entry.invalid("the root is a hard link", null);
        }
        put(path, target.get());
        return true;
      } catch (InvalidLayerException e) {
        throw e;
      } catch (IllegalArgumentException | IOException e) {
        throw entry.invalid(
            "hard link to " + entry.tar().displayLinkName() + ": " + e.getMessage(), e);
      }
    }

    private Optional<Node> target(LayerEntry entry) throws IOException {
      EntryPath path = EntryPath.of(entry.tar().linkName());
      if (path.isRoot()) {
        return Optional.of(tree.root());
      }
      Optional<Directory> parent = targetParents.find(path);
      Optional<Node> present =
          parent.isPresent() ? parent.get().get(path.last()) : Optional.empty();
      return present.isPresent()
          ? present
          : Optional.ofNullable(removedTargets.get(entry.tar().offset()));
    }
  }

  private void addNode(LayerEntry entry, EntryPath path) throws IOException {
    boolean isDirectory = entry.tar().type() == TarEntry.Type.DIRECTORY;
    if (path.isRoot()) {
      if (!isDirectory) {
        throw entry.invalid("the root is not a directory", null);
      }
      tree.root().setAttributes(nodes.attributes(entry.tar()));
      return;
    }
    Optional<Directory> parent = parents.make(path);
    if (parent.isEmpty()) {
      return;
    }
    if (isDirectory && parent.get().get(path.last()).orElse(null) instanceof Directory directory) {
      directory.setAttributes(nodes.attributes(entry.tar()));
      return;
    }
    put(parent.get(), path.last(), nodes.node(entry));
  }

  private void put(EntryPath path, Node node) throws IOException {
    Optional<Directory> parent = parents.make(path);
    if (parent.isPresent()) {
      put(parent.get(), path.last(), node);
    }
  }

  private void put(Directory directory, Name name, Node node) {
    budget.hold(MergeBudget.BYTES_PER_NAME + name.length());
    tree.put(directory, name, node);
  }
}
