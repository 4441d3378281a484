package dev.nexrootfs.ext4.read;

/**
 * One node of an extent tree as it stands in an image: {@code struct ext4_extent_header} and its
 * entries, checked as a whole (ifork.rst).
 */
final class StoredExtentNode {
  static final int HEADER_BYTES = 12;
  static final int ENTRY_BYTES = 12;
  static final int MAGIC = 0xF30A;
  static final int MAX_DEPTH = 5;

  /** {@code ee_len} up to here is that of written blocks. */
  static final int MAX_WRITTEN = 32_768;

  private final Fields f;
  private final String where;

  private StoredExtentNode(Fields fields, String where) {
    f = fields;
    this.where = where;
  }

  /**
   * The root in {@code i_block}.
   *
   * @throws UnreadableImageException where it does not hold together
   */
  static StoredExtentNode root(Volume volume, StoredInode inode) throws UnreadableImageException {
    StoredExtentNode node =
        new StoredExtentNode(new Fields(inode.iBlock()), inode.where() + ": extent tree, root");
    node.checkHeader(4);
    if (node.depth() > MAX_DEPTH) {
      throw node.fault("eh_depth", node.depth(), "at most " + MAX_DEPTH);
    }
    node.checkEntries(volume, 0, BlockMap.MAX_LOGICAL_BLOCKS);
    return node;
  }

  /**
   * The child of entry {@code index} of {@code parent}.
   *
   * @param to the first block of the file after what the child may map
   */
  static StoredExtentNode child(
      Volume volume, StoredInode inode, StoredExtentNode parent, int index, long to)
      throws java.io.IOException {
    long block = parent.childBlock(index);
    String where = inode.where() + ": extent tree, block " + block;
    StoredExtentNode node = new StoredExtentNode(new Fields(volume.block(block, where)), where);
    node.checkHeader((volume.blockSize() - HEADER_BYTES) / ENTRY_BYTES);
    if (node.depth() != parent.depth() - 1) {
      throw node.fault("eh_depth", node.depth(), "" + (parent.depth() - 1));
    }
    long from = parent.logical(index);
    if (node.entries() == 0) {
      throw node.fault("eh_entries", 0, "at least 1");
    }
    // This is why no block can be the child of two entries.
    if (node.logical(0) != from) {
      throw node.fault("first logical block", node.logical(0), from + " as its parent says");
    }
    node.checkEntries(volume, from, to);
    return node;
  }

  int entries() {
    return f.u16(2); //                                           eh_entries
  }

  int capacity() {
    return f.u16(4); //                                           eh_max
  }

  int depth() {
    return f.u16(6); //                                           eh_depth
  }

  boolean isLeaf() {
    return depth() == 0;
  }

  /** The first block of the file that entry {@code index} maps. */
  long logical(int index) {
    return f.u32(at(index)); //                                   ee_block, ei_block
  }

  long childBlock(int index) {
    return f.split48(at(index) + 4, at(index) + 8); //            ei_leaf_lo, ei_leaf_hi
  }

  BlockMap.Run run(int index) {
    int length = f.u16(at(index) + 4); //                         ee_len
    boolean unwritten = length > MAX_WRITTEN;
    return new BlockMap.Run(
        logical(index),
        unwritten ? length - MAX_WRITTEN : length,
        f.split48(at(index) + 8, at(index) + 6), //               ee_start_lo, ee_start_hi
        unwritten);
  }

  /** The last entry that starts at or before {@code logical}; -1 where there is none. */
  int find(long logical) {
    int low = 0;
    int high = entries();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (logical(middle) <= logical) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  private void checkHeader(int room) throws UnreadableImageException {
    if (f.u16(0) != MAGIC) { //                                   eh_magic
      throw fault("eh_magic", String.format("0x%04x", f.u16(0)), "0xf30a");
    }
    if (capacity() > room || capacity() == 0) {
      throw fault("eh_max", capacity(), "1 to " + room);
    }
    if (entries() > capacity()) {
      throw fault("eh_entries", entries(), "at most " + capacity());
    }
  }

  private void checkEntries(Volume volume, long from, long to) throws UnreadableImageException {
    long next = from;
    for (int i = 0; i < entries(); i++) {
      long logical = logical(i);
      long end;
      if (isLeaf()) {
        BlockMap.Run run = run(i);
        if (run.count() == 0) {
          throw fault("extent " + i + ": ee_len", 0, "1 to 65535");
        }
        volume.checkBlocks(run.physical(), run.count(), where);
        end = run.end();
      } else {
        volume.checkBlock(childBlock(i), where);
        end = logical + 1;
      }
      if (logical < next || end > to) {
        throw fault(
            "entry " + i + ": logical block", logical, "in " + next + " to " + to + ", ascending");
      }
      next = end;
    }
  }

  private int at(int index) {
    return HEADER_BYTES + ENTRY_BYTES * index;
  }

  private UnreadableImageException fault(String what, Object value, String expected) {
    return new UnreadableImageException(where, what, value, expected);
  }
}
