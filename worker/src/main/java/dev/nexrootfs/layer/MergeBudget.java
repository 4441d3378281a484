package dev.nexrootfs.layer;

import dev.nexrootfs.tree.FileTree;

/**
 * What one image may take of this program: entries, memory beside that of the nodes, and work to
 * find its paths. The limits are far from what images have; hostile layers reach them.
 */
final class MergeBudget {
  /** What names and links to names take in memory beside their bytes. */
  static final int BYTES_PER_NAME = 64;

  /** No image has paths so deep on the average. */
  private static final long STEPS_PER_ENTRY = 64;

  private static final long STEPS_OF_ANY_IMAGE = 20_000_000;
  private static final long LEAST_BYTES = 1 << 23;

  private final FileTree tree;
  private final long maxHeld = Math.max(LEAST_BYTES, Runtime.getRuntime().maxMemory() / 4);
  private long entries;
  private long held;
  private long steps;

  MergeBudget(FileTree tree) {
    this.tree = tree;
  }

  /**
   * Counts an entry.
   *
   * @throws IllegalArgumentException where it is one too many, as for the other limits
   */
  void countEntry() {
    if (++entries > LayerMerge.MAX_ENTRIES) {
      throw new IllegalArgumentException(
          "the image has more than " + LayerMerge.MAX_ENTRIES + " entries");
    }
  }

  /** Counts bytes that stay in memory. */
  void hold(long bytes) {
    held += bytes;
    if (held > maxHeld) {
      throw new IllegalArgumentException(
          "the image's names, link targets, extended attributes and sparse maps take more than "
              + maxHeld
              + " bytes, which is what this program's memory has for them; give it more (-Xmx)");
    }
  }

  /** Counts bytes that were held and are no more. */
  void release(long bytes) {
    held -= bytes;
  }

  /** Counts components that were read, and checks these and what the tree took to find them. */
  void countSteps(long components) {
    steps += components;
    long limit = STEPS_OF_ANY_IMAGE + STEPS_PER_ENTRY * entries;
    if (steps + tree.steps() > limit) {
      throw new IllegalArgumentException(
          "the image's paths lead through more than "
              + limit
              + " components and symbolic links, more than "
              + STEPS_PER_ENTRY
              + " for an entry");
    }
  }
}
