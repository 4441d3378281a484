package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.DirectoryBlock;
import dev.nexrootfs.ext4.ondisk.DirectoryHash;
import dev.nexrootfs.ext4.ondisk.DirectoryIndex;
import dev.nexrootfs.tree.Name;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/**
 * How the names of a directory fall into blocks. What fits one block is linear, in the order of the
 * names' bytes. More has an index: block 0 its root, then the nodes below, then the leaves in the
 * order of the hash.
 *
 * <p>A leaf takes an aligned range of hashes, half of a range whose names overflow a block: so a
 * name that is added changes its own leaf, or splits it, and no other leaf takes other names.
 */
final class DirectoryShape {
  private static final int DOT_ENTRIES_BYTES =
      DirectoryBlock.entryBytes(1) + DirectoryBlock.entryBytes(2);
  private static final long ALL_HASHES = 1L << 32;

  private final Name[] names;
  private final int[] hashes;
  private final int[] firstOfLeaf;
  private final int[] hashOfLeaf;
  private final int nodes;

  private DirectoryShape(
      Name[] names, int[] hashes, int[] firstOfLeaf, int[] hashOfLeaf, int nodes) {
    this.names = names;
    this.hashes = hashes;
    this.firstOfLeaf = firstOfLeaf;
    this.hashOfLeaf = hashOfLeaf;
    this.nodes = nodes;
  }

  /**
   * The shape of a directory of {@code names}.
   *
   * @param names in the order of their bytes
   * @throws LayoutException where an index of two levels cannot hold them; the message has no path
   */
  static DirectoryShape of(Collection<Name> names, DirectoryHash hash) throws LayoutException {
    Name[] sorted = names.toArray(Name[]::new);
    long bytes = DOT_ENTRIES_BYTES;
    for (Name name : sorted) {
      bytes += DirectoryBlock.entryBytes(name.length());
    }
    if (bytes <= DirectoryBlock.CAPACITY) {
      return new DirectoryShape(sorted, new int[0], new int[] {0}, new int[] {0}, 0);
    }
    return new Leaves(sorted, hash).shape();
  }

  /** Whether the directory has an index. */
  boolean isIndexed() {
    return hashes.length > 0;
  }

  /** The number of blocks: the index's root and nodes, and the leaves. */
  int blocks() {
    return firstLeaf() + firstOfLeaf.length;
  }

  /** The block of the first leaf. */
  int firstLeaf() {
    return isIndexed() ? 1 + nodes : 0;
  }

  /** Levels between the index's root and the leaves: 0 or 1. */
  int indirectLevels() {
    return nodes > 0 ? 1 : 0;
  }

  /** The names in {@code block}, which is a leaf. */
  List<Name> namesIn(int block) {
    int leaf = block - firstLeaf();
    int end = leaf + 1 < firstOfLeaf.length ? firstOfLeaf[leaf + 1] : names.length;
    return Arrays.asList(names).subList(firstOfLeaf[leaf], end);
  }

  /** What the index's root points to: the leaves, or the nodes. */
  List<DirectoryIndex.Entry> rootEntries() {
    if (nodes == 0) {
      return leaves(0, firstOfLeaf.length);
    }
    List<DirectoryIndex.Entry> entries = new ArrayList<>(nodes);
    for (int node = 0; node < nodes; node++) {
      entries.add(
          new DirectoryIndex.Entry(hashOfLeaf[node * DirectoryIndex.NODE_CAPACITY], 1 + node));
    }
    return entries;
  }

  /** What the node in {@code block} points to. */
  List<DirectoryIndex.Entry> nodeEntries(int block) {
    int first = (block - 1) * DirectoryIndex.NODE_CAPACITY;
    return leaves(first, Math.min(first + DirectoryIndex.NODE_CAPACITY, firstOfLeaf.length));
  }

  private List<DirectoryIndex.Entry> leaves(int first, int end) {
    List<DirectoryIndex.Entry> entries = new ArrayList<>(end - first);
    for (int leaf = first; leaf < end; leaf++) {
      entries.add(new DirectoryIndex.Entry(hashOfLeaf[leaf], firstLeaf() + leaf));
    }
    return entries;
  }

  /** The leaves of an index, found from left to right. */
  private static final class Leaves {
    private final Name[] names;
    private final int[] hashes;
    private int[] firstOfLeaf = new int[16];
    private int[] hashOfLeaf = new int[16];
    private int count;

    Leaves(Name[] sorted, DirectoryHash hash) {
      long[] keys = new long[sorted.length];
      for (int i = 0; i < keys.length; i++) {
        // The hash's sign is turned, so that signed numbers sort as unsigned hashes.
        keys[i] = (long) (hash.of(sorted[i].bytes()) ^ Integer.MIN_VALUE) << 32 | i;
      }
      Arrays.sort(keys);
      names = new Name[keys.length];
      hashes = new int[keys.length];
      for (int i = 0; i < keys.length; i++) {
        names[i] = sorted[(int) keys[i]];
        hashes[i] = (int) (keys[i] >>> 32) ^ Integer.MIN_VALUE;
      }
    }

    DirectoryShape shape() throws LayoutException {
      add(0, names.length, 0, ALL_HASHES);
      int nodes = 0;
      if (count > DirectoryIndex.ROOT_CAPACITY) {
        nodes = (count + DirectoryIndex.NODE_CAPACITY - 1) / DirectoryIndex.NODE_CAPACITY;
      }
      if (nodes > DirectoryIndex.ROOT_CAPACITY) {
        throw new LayoutException(
            LayoutException.Reason.TOO_LARGE,
            names.length
                + " entries; a directory's index of two levels holds "
                + DirectoryIndex.ROOT_CAPACITY * DirectoryIndex.NODE_CAPACITY
                + " blocks of them, and these take "
                + count);
      }
      return new DirectoryShape(
          names,
          hashes,
          Arrays.copyOf(firstOfLeaf, count),
          Arrays.copyOf(hashOfLeaf, count),
          nodes);
    }

    /** Adds the leaves of the names from {@code first} to {@code end}, of one range of hashes. */
    private void add(int first, int end, long hash, long range) {
      if (first == end) {
        return;
      }
      if (fits(first, end)) {
        addLeaf(first, count == 0 ? 0 : (int) hash);
      } else if (range > 2) {
        long middle = hash + range / 2;
        int split = firstFrom(middle, first, end);
        add(first, split, hash, range / 2);
        add(split, end, middle, range / 2);
      } else {
        addEqual(first, end, count == 0 ? 0 : (int) hash);
      }
    }

    /** Names of one hash in several leaves; all but the first say that they go on. */
    private void addEqual(int first, int end, int hash) {
      addLeaf(first, hash);
      int used = 0;
      for (int i = first; i < end; i++) {
        int bytes = DirectoryBlock.entryBytes(names[i].length());
        if (used + bytes > DirectoryBlock.CAPACITY) {
          addLeaf(i, hashes[i] | 1);
          used = 0;
        }
        used += bytes;
      }
    }

    private void addLeaf(int first, int hash) {
      if (count == firstOfLeaf.length) {
        firstOfLeaf = Arrays.copyOf(firstOfLeaf, count * 2);
        hashOfLeaf = Arrays.copyOf(hashOfLeaf, count * 2);
      }
      firstOfLeaf[count] = first;
      hashOfLeaf[count++] = hash;
    }

    private boolean fits(int first, int end) {
      int bytes = 0;
      for (int i = first; i < end && bytes <= DirectoryBlock.CAPACITY; i++) {
        bytes += DirectoryBlock.entryBytes(names[i].length());
      }
      return bytes <= DirectoryBlock.CAPACITY;
    }

    /** The first name from {@code low} on whose hash is {@code hash} or more. */
    private int firstFrom(long hash, int low, int high) {
      int from = low;
      int to = high;
      while (from < to) {
        int middle = (from + to) >>> 1;
        if (Integer.toUnsignedLong(hashes[middle]) >= hash) {
          to = middle;
        } else {
          from = middle + 1;
        }
      }
      return from;
    }
  }
}
