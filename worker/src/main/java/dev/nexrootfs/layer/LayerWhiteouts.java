package dev.nexrootfs.layer;

import dev.nexrootfs.tar.TarEntry;
import dev.nexrootfs.tar.TarException;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.SymbolicLink;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The whiteouts of one layer, applied to the tree below before any entry of the layer is added.
 *
 * <p>Each name of the tree is removed at most once in a layer, so their cost does not grow with how
 * often they name a directory.
 */
final class LayerWhiteouts {
  /** What a whiteout takes in memory beside its name. */
  private static final int BYTES_PER_WHITEOUT = 128;

  private final FileTree tree;
  private final MergeBudget budget;
  private final Parents parents;
  private final List<LayerEntry> whiteouts = new ArrayList<>();
  private final PathSet replacedLinks = new PathSet();
  private final Map<Long, Node> linkTargets = new HashMap<>();
  private boolean hasHardLinks;
  private long held;

  private LayerWhiteouts(FileTree tree, MergeBudget budget, Parents parents) {
    this.tree = tree;
    this.budget = budget;
    this.parents = parents;
  }

  /**
   * Applies the whiteouts of {@code layer}.
   *
   * @return what the layer's hard links led to before, by their offset: a link may go to a file
   *     that its own layer removes from below
   */
  static Map<Long, Node> apply(
      DecodedLayer layer, FileTree tree, MergeBudget budget, Parents parents) throws IOException {
    LayerWhiteouts all = new LayerWhiteouts(tree, budget, parents);
    LayerEntry.forEach(layer, all::collect);
    if (all.whiteouts.isEmpty()) {
      budget.release(all.held);
      return Map.of();
    }
    if (all.hasHardLinks) {
      LayerEntry.forEach(layer, all::findTarget);
    }
    for (LayerEntry whiteout : all.whiteouts) {
      whiteout.take(all::apply);
    }
    budget.release(all.held);
    return all.linkTargets;
  }

  /**
   * Whether an entry of {@code layer} is a whiteout.
   *
   * @throws InvalidLayerException where the layer cannot be read to its end
   */
  static boolean areIn(DecodedLayer layer) throws IOException {
    AtomicBoolean found = new AtomicBoolean();
    try {
      LayerEntry.forEach(layer, entry -> found.compareAndSet(false, entry.path().isWhiteout()));
      return found.get();
    } catch (TarException e) {
      throw new InvalidLayerException("layer " + layer.diffId() + ": " + e.getMessage(), e);
    }
  }

  private void collect(LayerEntry entry) throws IOException {
    TarEntry tar = entry.tar();
    if (tar.type() == TarEntry.Type.HARD_LINK) {
      hasHardLinks = true;
    }
    EntryPath path = entry.path();
    if (path.isWhiteout()) {
      hold(tar.name().length + tar.linkName().length + BYTES_PER_WHITEOUT);
      whiteouts.add(entry);
    } else if (tar.type() == TarEntry.Type.DIRECTORY && isLink(path)) {
      TreePath whole = path.path();
      hold((long) whole.names().size() * PathSet.BYTES_PER_COMPONENT);
      replacedLinks.add(whole);
    }
  }

  private void findTarget(LayerEntry entry) {
    if (entry.tar().type() != TarEntry.Type.HARD_LINK || entry.path().isWhiteout()) {
      return;
    }
    Optional<Node> target;
    try {
      EntryPath path = EntryPath.of(entry.tar().linkName());
      boolean isTurned = !replacedLinks.isEmpty() && replacedLinks.covers(path.path());
      target = isTurned ? Optional.empty() : find(path);
    } catch (IOException e) {
      return; // the layer may bring what the lower tree does not lead to; it is an error where not
    }
    if (target.isPresent()) {
      hold(BYTES_PER_WHITEOUT);
      linkTargets.put(entry.tar().offset(), target.get());
    }
  }

  private boolean isLink(EntryPath path) {
    try {
      return find(path).orElse(null) instanceof SymbolicLink;
    } catch (IOException e) {
      return false; // a parent that cannot be resolved is an error where the entry is added
    }
  }

  private Optional<Node> find(EntryPath path) throws IOException {
    if (path.isRoot()) {
      return Optional.of(tree.root());
    }
    Optional<Directory> parent = parents.find(path);
    return parent.isPresent() ? parent.get().get(path.last()) : Optional.empty();
  }

  private void apply(LayerEntry entry) throws IOException {
    try {
      EntryPath path = entry.path();
      Optional<Whiteout> whiteout = Whiteout.of(path.last());
      // Below a directory that takes the place of a link there is nothing yet, and the link's
      // target is another place.
      boolean ofNothing =
          whiteout.isEmpty() || (!replacedLinks.isEmpty() && replacedLinks.covers(path.path()));
      Optional<Directory> directory = ofNothing ? Optional.empty() : parents.find(path);
      if (directory.isEmpty()) {
        return;
      }
      if (whiteout.orElseThrow().removed().isPresent()) {
        tree.remove(directory.get(), whiteout.orElseThrow().removed().orElseThrow());
      } else {
        tree.clear(directory.get());
      }
    } catch (IllegalArgumentException | IOException e) {
      throw entry.invalid("whiteout: " + e.getMessage(), e);
    }
  }

  private void hold(long bytes) {
    budget.hold(bytes);
    held += bytes;
  }
}
