package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.Extent;
import dev.nexrootfs.ext4.ondisk.ExtentNode;
import dev.nexrootfs.ext4.ondisk.Inode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.Node;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Where the blocks of every node are. They are handed out in the order of the inode numbers: the
 * base's first, those of the last layer last. A node's attributes come first, then its data, then
 * its extent tree.
 */
final class Placement {
  /** How nodes are placed. */
  enum Order {
    /** One after the other. */
    COMPACT,
    /**
     * So that images of one base are equal as far as their content is: each layer begins a chunk of
     * the store, and what upper layers took away leaves a gap.
     */
    STABLE
  }

  /** 256 KiB, the chunks in which images are stored; a multiple of the 128 KiB that others use. */
  private static final int CHUNK_BLOCKS = 64;

  private final Geometry geometry;
  private final Contents contents;
  private final Order order;
  private final BlockAllocator allocator;
  private final long[] starts;
  private final List<List<Integer>> moved = new ArrayList<>();
  private int[] withBlocks = new int[64];
  private int count;
  private long resizeBlock;
  private long journalBlock;

  private Placement(Geometry geometry, Contents contents, Order order) {
    this.geometry = geometry;
    this.contents = contents;
    this.order = order;
    this.allocator = new BlockAllocator(geometry);
    this.starts = new long[contents.numbering().lastIno() + 1];
  }

  /** Places {@code contents}, whether they fit or not. */
  static Placement of(Geometry geometry, Contents contents, Order order) {
    Placement placement = new Placement(geometry, contents, order);
    placement.place();
    return placement;
  }

  /** Whether all blocks are inside the file system. */
  boolean fits() {
    return allocator.fits();
  }

  /** The first block after all content. */
  long highWater() {
    return allocator.highWater();
  }

  /** Blocks that are in use, without the fixed metadata. */
  long taken() {
    return allocator.taken();
  }

  /** Which blocks are in use. */
  UsedBlocks used() {
    return new UsedBlocks(geometry, allocator.highWater(), allocator.gaps());
  }

  /** The double indirect block of the resize inode; 0 where there is none. */
  long resizeBlock() {
    return resizeBlock;
  }

  /** The first block of the journal; 0 where there is none. */
  long journalBlock() {
    return journalBlock;
  }

  /** The first block of {@code ino}; 0 where it has none. */
  long start(int ino) {
    return starts[ino];
  }

  /** The nodes that have blocks, in the order of these. */
  int[] withBlocks() {
    return Arrays.copyOf(withBlocks, count);
  }

  private void place() {
    Numbering numbering = contents.numbering();
    if (ResizeInode.isIn(geometry)) {
      resizeBlock = allocator.allocate(1);
    }
    List<BlockRange> journal = wholeFile(geometry.journalBlocks());
    journalBlock = allocator.allocate(geometry.journalBlocks());
    allocator.allocate(ExtentTree.of(geometry, journal, journalBlock).nodeBlocks().length);
    contents.layerStarts().forEach(start -> moved.add(new ArrayList<>()));
    int layer = 0;
    for (int ino = Inode.ROOT_INO; ino < starts.length; ino++) {
      if (!numbering.isUsed(ino) && !numbering.isRetired(ino)) {
        continue;
      }
      while (layer < contents.layerStarts().size()
          && numbering.node(ino).sequence() >= contents.layerStarts().get(layer)) {
        endLayer(layer - 1);
        layer++;
      }
      place(ino);
    }
    endLayer(layer - 1);
  }

  private void endLayer(int layer) {
    if (order == Order.STABLE) {
      if (layer >= 0) {
        moved.get(layer).forEach(this::allocate);
      }
      allocator.align(CHUNK_BLOCKS);
    }
  }

  private void place(int ino) {
    if (contents.numbering().isRetired(ino)) {
      allocator.skip(blocks(ino));
      return;
    }
    int earlier = order == Order.STABLE ? contents.earlierBlocks(ino) : 0;
    if (earlier == 0) {
      allocate(ino);
      return;
    }
    long room = (long) earlier + contents.attributes(ino).blocks();
    long needed = blocks(ino);
    if (needed <= room) {
      allocate(ino);
      allocator.skip(room - needed);
    } else {
      allocator.skip(room);
      moved.get(layerOfLatestChild(ino)).add(ino);
    }
  }

  private int layerOfLatestChild(int ino) {
    long latest = 0;
    for (Node child : ((Directory) contents.numbering().node(ino)).entries().values()) {
      latest = Math.max(latest, child.sequence());
    }
    int layer = 0;
    while (layer + 1 < moved.size() && contents.layerStarts().get(layer + 1) <= latest) {
      layer++;
    }
    return layer;
  }

  private void allocate(int ino) {
    long blocks = blocks(ino);
    if (blocks > 0) {
      starts[ino] = allocator.allocate(blocks);
      if (count == withBlocks.length) {
        withBlocks = Arrays.copyOf(withBlocks, count * 2);
      }
      withBlocks[count++] = ino;
    }
  }

  /** Blocks that {@code ino} would take from the allocator's next one on. */
  private long blocks(int ino) {
    List<BlockRange> ranges = contents.dataRanges(ino);
    long data = ExtentTree.blocksIn(ranges);
    long attributes = contents.attributes(ino).blocks();
    boolean fewExtents =
        ranges.size() <= 1
            && data <= (long) ExtentNode.ROOT_CAPACITY * Extent.MAX_LENGTH
            && allocator.room() >= attributes + data;
    if (fewExtents) {
      return attributes + data;
    }
    long dataStart = geometry.blockAt(allocator.next(), attributes);
    return attributes + data + ExtentTree.of(geometry, ranges, dataStart).nodeBlocks().length;
  }

  static List<BlockRange> wholeFile(long blocks) {
    return blocks == 0 ? List.of() : List.of(new BlockRange(0, blocks));
  }
}
