package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.Geometry.Purpose;
import dev.nexrootfs.ext4.Placement.Order;
import dev.nexrootfs.ext4.ondisk.Superblock;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Decides everything about an image from its tree, without reading any content: inode numbers,
 * blocks, extents, directory blocks, sizes.
 *
 * <p>Space comes first: nodes keep the places that they have in images without the upper layers
 * ({@link Order#STABLE}) where that fits the size, and stand one after the other where it does not.
 */
public final class LayoutPlanner {
  private static final long MEBIBYTE = 1 << 20;

  private final FileTree tree;
  private final ImageProfile profile;
  private @Nullable Contents compact;

  private LayoutPlanner(FileTree tree, ImageProfile profile) throws LayoutException {
    this.tree = tree;
    this.profile = profile;
    addLostFound(tree, profile.time());
  }

  /**
   * Lays {@code tree} out; adds /lost+found where it is missing.
   *
   * @throws LayoutException where the content does not fit the size, with the smallest size that
   *     would do, or where ext4 cannot hold an entry
   */
  public static Ext4Layout plan(FileTree tree, ImageProfile profile) throws LayoutException {
    LayoutPlanner planner = new LayoutPlanner(tree, profile);
    if (profile.size() instanceof ImageSize.Free free) {
      long bytes = planner.smallest(Purpose.GROW, free.freeBytes());
      return planner
          .place(bytes, Purpose.GROW)
          .orElseThrow(() -> new IllegalStateException("the smallest size does not do"));
    }
    long bytes = ((ImageSize.Whole) profile.size()).bytes();
    Optional<Ext4Layout> layout = planner.place(bytes, Purpose.KEEP);
    if (layout.isEmpty()) {
      throw planner.tooSmall(bytes);
    }
    return layout.get();
  }

  private static void addLostFound(FileTree tree, Instant time) throws LayoutException {
    Optional<Node> present = tree.root().get(Contents.LOST_FOUND);
    if (present.isEmpty()) {
      tree.root().put(Contents.LOST_FOUND, new Directory(Attributes.of(0700, 0, 0, time), -1));
    } else if (!(present.get() instanceof Directory)) {
      throw new LayoutException(
          LayoutException.Reason.INVALID, "/lost+found is not a directory; e2fsck needs the name");
    }
  }

  /** The tree without what upper layers took away; many builds never need it. */
  private Contents compact() throws LayoutException {
    if (compact == null) {
      compact = Contents.of(tree, false);
    }
    return compact;
  }

  /** The layout at a size: stable where that fits, else compact; empty where neither does. */
  private Optional<Ext4Layout> place(long bytes, Purpose purpose) throws LayoutException {
    if (!tree.layerStarts().isEmpty()) {
      Contents stable = Contents.of(tree, true);
      if (tree.retired().isEmpty()) {
        compact = stable;
      }
      Optional<Ext4Layout> layout = place(bytes, purpose, stable, Order.STABLE);
      if (layout.isPresent()) {
        return layout;
      }
    }
    return place(bytes, purpose, compact(), Order.COMPACT);
  }

  private Optional<Ext4Layout> place(long bytes, Purpose purpose, Contents contents, Order order) {
    return Geometry.of(bytes, purpose, contents.inodes())
        .flatMap(
            geometry -> {
              Placement placement = Placement.of(geometry, contents, order);
              return placement.fits()
                  ? Optional.of(new Ext4Layout(profile, bytes, geometry, contents, placement))
                  : Optional.empty();
            });
  }

  private LayoutException tooSmall(long bytes) throws LayoutException {
    long sufficient = smallest(Purpose.KEEP, 0);
    long rounded = (sufficient + MEBIBYTE - 1) / MEBIBYTE * MEBIBYTE;
    if (place(rounded, Purpose.KEEP, compact(), Order.COMPACT).isPresent()) {
      sufficient = rounded;
    }
    return new LayoutException(
        "the content does not fit an image of "
            + bytes
            + " bytes: it takes "
            + compact().blocks() * Superblock.BLOCK_SIZE
            + " and "
            + compact().inodes()
            + " inodes, without what describes them; "
            + sufficient
            + " bytes ("
            + (sufficient + MEBIBYTE - 1) / MEBIBYTE
            + " MiB) would do",
        sufficient);
  }

  /**
   * Bytes of the smallest image that holds the content and leaves {@code freeBytes}.
   *
   * <p>With each group comes metadata, and with some a larger journal, so a larger image can hold
   * less: the numbers of groups are tried upwards.
   */
  private long smallest(Purpose purpose, long freeBytes) throws LayoutException {
    long free = Contents.ceilBlocks(freeBytes);
    if (purpose == Purpose.KEEP) {
      Fit withoutJournal = fit(Geometry.FEWEST_BLOCKS_WITH_JOURNAL - 1, purpose, free);
      if (withoutJournal.missing() == 0) {
        return withoutJournal.blocks() * Superblock.BLOCK_SIZE;
      }
    }
    long groups = (compact().blocks() + free) / Superblock.BLOCKS_PER_GROUP + 1;
    while (groups * Superblock.BLOCKS_PER_GROUP * Superblock.BLOCK_SIZE <= ImageSize.MAX_BYTES) {
      Fit fit = fit(groups * Superblock.BLOCKS_PER_GROUP - 1, purpose, free);
      if (fit.missing() == 0) {
        return fit.blocks() * Superblock.BLOCK_SIZE;
      }
      groups += Math.max(1, fit.missing() / Superblock.BLOCKS_PER_GROUP);
    }
    throw new LayoutException(
        LayoutException.Reason.TOO_LARGE,
        "the content does not fit the largest image of " + ImageSize.MAX_BYTES + " bytes");
  }

  /**
   * How the content fits an image of at most so many blocks, with the same groups and journal.
   *
   * @param blocks the fewest that do
   * @param missing how many more would be needed; 0 where it fits
   */
  private record Fit(long blocks, long missing) {}

  private Fit fit(long mostBlocks, Purpose purpose, long free) throws LayoutException {
    long enough = mostBlocks;
    long needed = needed(enough, purpose, free);
    if (needed > enough) {
      return new Fit(0, needed - enough);
    }
    // Fewer blocks reserve fewer descriptors, so this may go on a few times.
    while (needed < enough) {
      long fewer = needed(needed, purpose, free);
      if (fewer > needed) {
        return new Fit(enough, 0);
      }
      enough = needed;
      needed = fewer;
    }
    return new Fit(enough, 0);
  }

  /**
   * Blocks that hold the content where the groups are those of {@code blocks}: of an image that is
   * to grow at least the fewest that have a journal, and one more than {@code blocks} where the
   * metadata alone does not fit.
   */
  private long needed(long blocks, Purpose purpose, long free) throws LayoutException {
    Optional<Geometry> geometry =
        Geometry.of(blocks * Superblock.BLOCK_SIZE, purpose, compact().inodes());
    if (geometry.isEmpty()) {
      return blocks + 1;
    }
    Placement placement = Placement.of(geometry.get(), compact(), Order.COMPACT);
    long roomy = geometry.get().fixedBlocks() + placement.taken() + free;
    long fewest =
        purpose == Purpose.GROW
            ? Math.max(geometry.get().fewestBlocks(), Geometry.FEWEST_BLOCKS_WITH_JOURNAL)
            : geometry.get().fewestBlocks();
    return Math.max(Math.max(placement.highWater(), roomy), fewest);
  }
}
