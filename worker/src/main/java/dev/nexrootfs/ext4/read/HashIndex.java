package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The index of a directory as it stands in an image: {@code struct dx_root} in block 0 and {@code
 * struct dx_node} below it, down to the leaves (directory.rst).
 */
final class HashIndex {
  /** Where {@code struct dx_countlimit} stands in block 0. */
  static final int ROOT_ENTRIES = 0x20;

  /** Where it stands in every other block of the index. */
  static final int NODE_ENTRIES = 0x08;

  private static final int ENTRY_BYTES = 8;
  private static final int MAX_LEVELS = 1;
  private static final int MAX_LEVELS_LARGEDIR = 2;

  private final Volume volume;
  private final StoredInode directory;
  private final BlockMap map;
  private final long blocks;
  private final int levels;
  private final NameHash hash;
  private final Set<Long> entered = new HashSet<>();
  private final List<Leaf> leaves = new ArrayList<>();
  private final Map<Long, Integer> positions = new HashMap<>();
  private final Map<Long, Node> nodes = new HashMap<>();

  /**
   * A leaf in the order of the index.
   *
   * @param hash the smallest hash of its names; odd where it goes on with the hash of the one
   *     before
   * @param block counted in the directory
   */
  record Leaf(int hash, long block) {}

  /**
   * A block of the index.
   *
   * @param at where its entries start in the block
   * @param firstLeaf the position of its first leaf
   * @param children the blocks below; none where those are leaves
   */
  private record Node(Fields fields, int at, int firstLeaf, List<Node> children) {
    int count() {
      return fields.u16(at + 2); //                         dx_countlimit.count
    }

    int limit() {
      return fields.u16(at); //                             dx_countlimit.limit
    }

    /** The first entry's hash is not stored: it is the smallest. */
    int hash(int index) {
      return fields.bits32(at + ENTRY_BYTES * index); //     dx_entry.hash
    }

    long block(int index) {
      return fields.u32(at + ENTRY_BYTES * index + 4); //    dx_entry.block
    }

    /** The last entry whose hash is not after {@code wanted}, as the kernel searches. */
    int find(int wanted) {
      int low = 1;
      int high = count();
      while (low < high) {
        int middle = (low + high) >>> 1;
        if (Integer.compareUnsigned(hash(middle), wanted) > 0) {
          high = middle;
        } else {
          low = middle + 1;
        }
      }
      return low - 1;
    }
  }

  private HashIndex(Volume volume, StoredInode directory) throws IOException {
    this.volume = volume;
    this.directory = directory;
    this.map = BlockMap.of(volume, directory);
    this.blocks = DirectoryBlocks.count(volume, directory);
    Fields root = new Fields(block(0));
    String where = directory.where() + ": index root";
    require(root.u32(0x18) == 0, where, "reserved_zero", root.u32(0x18), "0");
    hash = NameHash.of(volume.superblock(), root.u8(0x1C), where); // hash_version
    require(root.u8(0x1D) == 8, where, "info_length", root.u8(0x1D), "8");
    levels = root.u8(0x1E); //                                       indirect_levels
    boolean isLarge = volume.superblock().hasIncompat(StoredSuperblock.INCOMPAT_LARGEDIR);
    int most = isLarge ? MAX_LEVELS_LARGEDIR : MAX_LEVELS;
    require(levels <= most, where, "indirect_levels", levels, "at most " + most);
    require(root.u8(0x1F) == 0, where, "unused_flags", root.u8(0x1F), "0");
    require(
        root.u16(0x10) == volume.blockSize() - 12 || volume.blockSize() >= 1 << 16,
        where,
        "dotdot.rec_len",
        root.u16(0x10),
        "" + (volume.blockSize() - 12));
  }

  /**
   * Loads the index of {@code directory}.
   *
   * @throws UnreadableImageException where a lookup could go wrong in it: limits, order, blocks
   *     that are named twice or not at all
   */
  static HashIndex load(Volume volume, StoredInode directory) throws IOException {
    HashIndex index = new HashIndex(volume, directory);
    index.enter(0, index.levels, 0);
    for (long block = 0; block < index.blocks; block++) {
      if (!index.entered.contains(block)) {
        throw index.fault(
            directory.where() + ": index", "names no block", block, "all of the directory");
      }
    }
    return index;
  }

  private Node enter(long block, int level, int firstHash) throws IOException {
    String where = directory.where() + (block == 0 ? ": index root" : ": index block " + block);
    int at = block == 0 ? ROOT_ENTRIES : NODE_ENTRIES;
    Node node = new Node(new Fields(block(block)), at, leaves.size(), new ArrayList<>());
    entered.add(block);
    nodes.put(block, node);
    int tail = volume.superblock().hasChecksums() ? MetadataChecksums.INDEX_TAIL_BYTES : 0;
    int limit = (volume.blockSize() - at - tail) / ENTRY_BYTES;
    require(node.limit() == limit, where, "dx_countlimit.limit", node.limit(), "" + limit);
    require(
        node.count() >= 1 && node.count() <= limit,
        where,
        "dx_countlimit.count",
        node.count(),
        "1 to " + limit);
    if (block != 0) {
      boolean isDressed =
          node.fields.u32(0) == 0 && (node.fields.u16(4) & 0xFFFC) == (volume.blockSize() & 0xFFFC);
      require(
          isDressed || volume.blockSize() >= 1 << 16,
          where,
          "fake.rec_len",
          node.fields.u16(4),
          "" + volume.blockSize());
    }
    int before = firstHash;
    for (int i = 0; i < node.count(); i++) {
      int hash = i == 0 ? firstHash : node.hash(i);
      require(
          Integer.compareUnsigned(hash, before) >= 0,
          where,
          "dx_entry " + i + ": hash",
          String.format("0x%08x", hash),
          String.format("at least 0x%08x, the one before", before));
      before = hash;
      long child = node.block(i);
      require(
          child > 0 && child < blocks,
          where,
          "dx_entry " + i + ": block",
          child,
          "1 to " + (blocks - 1));
      require(
          !entered.contains(child),
          where,
          "dx_entry " + i + ": names a second time block",
          child,
          "");
      if (level > 0) {
        node.children.add(enter(child, level - 1, hash));
      } else {
        entered.add(child);
        positions.put(child, leaves.size());
        leaves.add(new Leaf(hash, child));
      }
    }
    return node;
  }

  /** Whether {@code block} of the directory is one of the index and holds no names but dots. */
  boolean isNode(long block) {
    return nodes.containsKey(block);
  }

  /** Where the entries of index block {@code block} start, end, and may end. */
  int[] extent(long block) {
    Node node = nodes.get(block);
    if (node == null) {
      throw new IllegalArgumentException("block " + block + " is no block of the index");
    }
    return new int[] {
      node.at, node.at + ENTRY_BYTES * node.count(), node.at + ENTRY_BYTES * node.limit()
    };
  }

  /** The hash of {@code name}. */
  int hash(byte[] name) {
    return hash.of(name);
  }

  /** Whether the kernel, when it looks for {@code hash}, comes to the leaf {@code block}. */
  boolean leadsTo(int hash, long block) {
    Integer wanted = positions.get(block);
    Node node = nodes.get(0L);
    if (wanted == null || node == null) {
      return false;
    }
    while (!node.children.isEmpty()) {
      node = node.children.get(node.find(hash));
    }
    int at = node.firstLeaf + node.find(hash);
    while (at < wanted && at + 1 < leaves.size() && (leaves.get(at + 1).hash & ~1) == hash) {
      at++;
    }
    return at == wanted;
  }

  private byte[] block(long logical) throws IOException {
    BlockMap.Run run = map.runAt(logical);
    if (!run.hasData()) {
      throw fault(directory.where(), "is a directory with a hole: block", logical, "");
    }
    return volume.block(run.physical(), directory.where());
  }

  private void require(boolean holds, String where, String what, Object value, String expected)
      throws UnreadableImageException {
    if (!holds) {
      throw fault(where, what, value, expected);
    }
  }

  private UnreadableImageException fault(String where, String what, Object value, String expected) {
    return new UnreadableImageException(where, what, value, expected);
  }
}
