package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.DirectoryHash;
import dev.nexrootfs.ext4.ondisk.Inode;
import dev.nexrootfs.ext4.ondisk.Superblock;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import java.util.ArrayList;
import java.util.Collection;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * What the nodes of a tree take, before they have a place: who has which inode number, and how many
 * blocks.
 */
final class Contents {
  /** The seed of all images' directory hashes, {@code s_hash_seed}. */
  static final DirectoryHash HASH = new DirectoryHash(Ext4Layout.HASH_SEED);

  /** As much as mke2fs gives it, so that e2fsck need not allocate when it finds something. */
  private static final int LOST_FOUND_BLOCKS = 4;

  static final Name LOST_FOUND = Name.of("lost+found");
  private static final long MAX_FILE_BLOCKS = 0xFFFF_FFFFL;

  private final FileTree tree;
  private final Numbering numbering;
  private final int[] directoryBlocks;
  private final int[] earlierBlocks;
  private int linearLostFound;

  private Contents(FileTree tree, Numbering numbering, boolean keepRetired) throws LayoutException {
    this.tree = tree;
    this.numbering = numbering;
    this.directoryBlocks = new int[numbering.lastIno() + 1];
    this.earlierBlocks = new int[keepRetired ? directoryBlocks.length : 0];
    countDirectoryBlocks(keepRetired ? retiredNames() : new IdentityHashMap<>());
  }

  /**
   * Measures {@code tree}.
   *
   * @param keepRetired whether what upper layers took away keeps its place, unused, and changed
   *     directories keep the place that they had
   * @throws LayoutException where ext4 cannot hold a node
   */
  static Contents of(FileTree tree, boolean keepRetired) throws LayoutException {
    Contents contents = new Contents(tree, Numbering.of(tree, keepRetired), keepRetired);
    for (int ino = Inode.ROOT_INO; ino <= contents.numbering.lastIno(); ino++) {
      if (contents.numbering.isUsed(ino)) {
        contents.check(ino);
      }
    }
    return contents;
  }

  /** Who has which inode number. */
  Numbering numbering() {
    return numbering;
  }

  /** The first sequence of each layer, ascending. */
  List<Long> layerStarts() {
    return tree.layerStarts();
  }

  /** Inodes, with an eighth more for what the guest adds. */
  long inodes() {
    return numbering.lastIno() + numbering.lastIno() / 8L;
  }

  /** The blocks of {@code ino} that hold data, counted in the file. */
  List<BlockRange> dataRanges(int ino) {
    Node node = numbering.node(ino);
    if (node instanceof RegularFile file) {
      return dataRanges(file.content());
    }
    if (node instanceof Directory) {
      return List.of(new BlockRange(0, directoryBlocks[ino]));
    }
    return node instanceof SymbolicLink link && link.length() > Inode.SHORT_SYMLINK_BYTES
        ? List.of(new BlockRange(0, 1))
        : List.of();
  }

  /**
   * Blocks of the directory {@code ino} when its own layer was the top one; 0 where no later layer
   * changed it.
   */
  int earlierBlocks(int ino) {
    return ino < earlierBlocks.length ? earlierBlocks[ino] : 0;
  }

  /** Whether the directory {@code ino} has an index. */
  boolean isIndexed(int ino) {
    return directoryBlocks[ino] > 1 && ino != linearLostFound;
  }

  /** How the names of the directory {@code ino} fall into blocks. */
  DirectoryShape shape(int ino) {
    try {
      return DirectoryShape.of(((Directory) numbering.node(ino)).entries().keySet(), HASH);
    } catch (LayoutException e) {
      throw new IllegalStateException("a directory that was measured cannot be laid out", e);
    }
  }

  /** Where the attributes of {@code ino} go. */
  AttributePlacement attributes(int ino) {
    try {
      return AttributePlacement.of(numbering.node(ino));
    } catch (LayoutException e) {
      if (numbering.isRetired(ino)) {
        return AttributePlacement.NONE;
      }
      throw new IllegalStateException("attributes that were checked cannot be laid out", e);
    }
  }

  /** Blocks of all nodes, without extent trees. */
  long blocks() {
    long blocks = 0;
    for (int ino = Inode.ROOT_INO; ino <= numbering.lastIno(); ino++) {
      if (numbering.isUsed(ino)) {
        blocks += ExtentTree.blocksIn(dataRanges(ino)) + attributes(ino).blocks();
      }
    }
    return blocks;
  }

  /** The blocks of a file that hold data, counted in the file. */
  private static List<BlockRange> dataRanges(Content content) {
    List<BlockRange> blocks = new ArrayList<>(1);
    for (Content.DataRange range : content.dataRanges()) {
      long start = range.position() / Superblock.BLOCK_SIZE;
      long end = ceilBlocks(range.position() + range.length());
      int last = blocks.size() - 1;
      if (last >= 0 && blocks.get(last).end() >= start) {
        long joined = blocks.get(last).start();
        blocks.set(last, new BlockRange(joined, end - joined));
      } else {
        blocks.add(new BlockRange(start, end - start));
      }
    }
    return blocks;
  }

  static long ceilBlocks(long bytes) {
    return (bytes + Superblock.BLOCK_SIZE - 1) / Superblock.BLOCK_SIZE;
  }

  /** By directory, the names that upper layers took away, of nodes of the directory's own layer. */
  private IdentityHashMap<Directory, List<Name>> retiredNames() {
    IdentityHashMap<Directory, List<Name>> names = new IdentityHashMap<>();
    for (FileTree.Retired retired : tree.retired()) {
      if (retired.node().sequence() < endOfLayer(retired.directory())) {
        names.computeIfAbsent(retired.directory(), key -> new ArrayList<>()).add(retired.name());
      }
    }
    return names;
  }

  /** The first sequence of the layer after that of {@code node}. */
  private long endOfLayer(Node node) {
    List<Long> starts = tree.layerStarts();
    int low = 1;
    int high = starts.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (starts.get(middle) > node.sequence()) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low < starts.size() ? starts.get(low) : Long.MAX_VALUE;
  }

  private void countDirectoryBlocks(IdentityHashMap<Directory, List<Name>> retiredNames)
      throws LayoutException {
    Node lostFound = tree.root().get(LOST_FOUND).orElse(null);
    for (int ino = Inode.ROOT_INO; ino < directoryBlocks.length; ino++) {
      boolean known = numbering.isUsed(ino) || numbering.isRetired(ino);
      if (known && numbering.node(ino) instanceof Directory directory) {
        int blocks = blocks(ino, directory.entries().keySet());
        if (directory == lostFound && blocks == 1) {
          linearLostFound = ino;
        }
        directoryBlocks[ino] = ino == linearLostFound ? LOST_FOUND_BLOCKS : blocks;
        if (earlierBlocks.length > 0) {
          earlierBlocks[ino] =
              earlierBlocks(ino, directory, retiredNames.getOrDefault(directory, List.of()));
        }
      }
    }
  }

  private int earlierBlocks(int ino, Directory directory, List<Name> retired)
      throws LayoutException {
    long end = endOfLayer(directory);
    boolean grew = directory.entries().values().stream().anyMatch(child -> child.sequence() >= end);
    if (!grew && retired.isEmpty()) {
      return 0;
    }
    TreeSet<Name> names = new TreeSet<>(retired);
    for (Map.Entry<Name, Node> entry : directory.entries().entrySet()) {
      if (entry.getValue().sequence() < end) {
        names.add(entry.getKey());
      }
    }
    return blocks(ino, names);
  }

  private int blocks(int ino, Collection<Name> names) throws LayoutException {
    try {
      return DirectoryShape.of(names, HASH).blocks();
    } catch (LayoutException e) {
      if (numbering.isRetired(ino)) {
        return 1;
      }
      throw new LayoutException(e.reason(), numbering.pathOf(ino) + ": " + e.getMessage());
    }
  }

  private void check(int ino) throws LayoutException {
    Node node = numbering.node(ino);
    if (node.attributes().mtime().isBefore(Inode.FIRST_TIME)
        || node.attributes().mtime().isAfter(Inode.LAST_TIME)) {
      throw new LayoutException(
          LayoutException.Reason.INVALID,
          numbering.pathOf(ino)
              + ": mtime "
              + node.attributes().mtime()
              + " is not from "
              + Inode.FIRST_TIME
              + " to "
              + Inode.LAST_TIME);
    }
    if (!(node instanceof Directory) && numbering.links(ino) > Inode.MAX_LINKS) {
      throw new LayoutException(
          LayoutException.Reason.TOO_LARGE,
          numbering.pathOf(ino)
              + ": "
              + numbering.links(ino)
              + " hard links; ext4 has at most "
              + Inode.MAX_LINKS);
    }
    if (node instanceof RegularFile file && ceilBlocks(file.content().size()) > MAX_FILE_BLOCKS) {
      throw new LayoutException(
          LayoutException.Reason.TOO_LARGE,
          numbering.pathOf(ino)
              + ": "
              + file.content().size()
              + " bytes; a file has at most 2^32-1 blocks");
    }
    try {
      AttributePlacement.of(node);
    } catch (LayoutException e) {
      throw new LayoutException(e.reason(), numbering.pathOf(ino) + ": " + e.getMessage());
    }
  }
}
