package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.Checksums;
import dev.nexrootfs.ext4.ondisk.GroupDescriptor;
import dev.nexrootfs.ext4.ondisk.Superblock;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.Node;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/**
 * The plan of an image: all that was decided, and no content. Immutable; some 30 bytes for each
 * node beside the tree, and 64 for each block group.
 */
public final class Ext4Layout {
  /** Seeds all metadata checksums of all images, so that equal content gives equal blocks. */
  static final Checksums CHECKSUMS =
      new Checksums(UUID.fromString("6e65782d-726f-4f74-a673-636865636b73"));

  /** Seeds the hashes of all images' directories. */
  static final UUID HASH_SEED = UUID.fromString("6e65782d-726f-4f74-a673-686173687365");

  private final ImageProfile profile;
  private final long size;
  private final Geometry geometry;
  private final Contents contents;
  private final Placement placement;
  private final UsedBlocks used;
  private final ExtentTree journal;
  private final List<GroupDescriptor> descriptors;

  Ext4Layout(
      ImageProfile profile, long size, Geometry geometry, Contents contents, Placement placement) {
    this.profile = profile;
    this.size = size;
    this.geometry = geometry;
    this.contents = contents;
    this.placement = placement;
    this.used = placement.used();
    this.journal =
        ExtentTree.of(
            geometry, Placement.wholeFile(geometry.journalBlocks()), placement.journalBlock());
    this.descriptors = describeGroups();
  }

  /** Bytes of the image. */
  public long size() {
    return size;
  }

  /** Bytes that content can still take. */
  public long freeBytes() {
    return freeBlocks() * Superblock.BLOCK_SIZE;
  }

  /** Inodes that content can still take. */
  public long freeInodes() {
    return descriptors.stream().mapToLong(GroupDescriptor::freeInodes).sum();
  }

  ImageProfile profile() {
    return profile;
  }

  Geometry geometry() {
    return geometry;
  }

  Contents contents() {
    return contents;
  }

  UsedBlocks used() {
    return used;
  }

  List<GroupDescriptor> descriptors() {
    return descriptors;
  }

  long freeBlocks() {
    return descriptors.stream().mapToLong(GroupDescriptor::freeBlocks).sum();
  }

  /** The extents of the journal; none where there is no journal. */
  ExtentTree journal() {
    return journal;
  }

  /** The first block of the journal. */
  long journalBlock() {
    return placement.journalBlock();
  }

  boolean hasJournal() {
    return geometry.journalBlocks() > 0;
  }

  /** A whole journal's bytes. */
  long journalBytes() {
    return (long) geometry.journalBlocks() * Superblock.BLOCK_SIZE;
  }

  boolean hasResizeInode() {
    return ResizeInode.isIn(geometry);
  }

  ResizeInode resizeInode() {
    return new ResizeInode(geometry, placement.resizeBlock());
  }

  /** Whether {@code ino} is that of a node of the tree. */
  boolean isUsed(long ino) {
    return ino <= contents.numbering().lastIno() && contents.numbering().isUsed((int) ino);
  }

  /** The node of inode {@code ino}. */
  Node node(int ino) {
    return contents.numbering().node(ino);
  }

  /** The inode of {@code node}. */
  int inoOf(Node node) {
    return contents.numbering().inoOf(node);
  }

  /** The inode of the directory that holds {@code ino}. */
  int parentOf(int ino) {
    return contents.numbering().parentOf(ino);
  }

  /** The first block of {@code ino}. */
  long start(int ino) {
    return placement.start(ino);
  }

  /** The inodes of nodes that have blocks, in the order of these. */
  int[] withBlocks() {
    return placement.withBlocks();
  }

  /** The inode bitmap of {@code group}, a block long; bits past the group's inodes are set. */
  byte[] inodeBitmap(int group) {
    byte[] bitmap = new byte[Superblock.BLOCK_SIZE];
    long first = firstIno(group);
    for (int i = 0; i < inodesToLastUsed(group); i++) {
      if (contents.numbering().isTaken(first + i)) {
        bitmap[i / 8] |= (byte) (1 << i % 8);
      }
    }
    UsedBlocks.set(bitmap, geometry.inodesPerGroup(), bitmap.length * 8);
    return bitmap;
  }

  /** Inodes of {@code group} up to the last one in use. */
  int inodesToLastUsed(int group) {
    long before = firstIno(group) - 1;
    long last = Math.min(contents.numbering().lastTaken() - before, geometry.inodesPerGroup());
    while (last > 0 && !contents.numbering().isTaken(before + last)) {
      last--;
    }
    return (int) Math.max(0, last);
  }

  private long firstIno(int group) {
    return (long) group * geometry.inodesPerGroup() + 1;
  }

  private List<GroupDescriptor> describeGroups() {
    int[] directories = new int[geometry.groups()];
    for (int ino = 1; ino <= contents.numbering().lastIno(); ino++) {
      if (isUsed(ino) && node(ino) instanceof Directory) {
        directories[geometry.groupOf(ino)]++;
      }
    }
    byte[] noInodes = new byte[Superblock.BLOCK_SIZE];
    UsedBlocks.set(noInodes, geometry.inodesPerGroup(), noInodes.length * 8);
    List<GroupDescriptor> result = new ArrayList<>(geometry.groups());
    for (int group = 0; group < geometry.groups(); group++) {
      byte[] blockBitmap = used.bitmap(group);
      int toLastUsed = inodesToLastUsed(group);
      byte[] inodeBitmap = toLastUsed == 0 ? noInodes : inodeBitmap(group);
      result.add(
          new GroupDescriptor(
              geometry.blockBitmaps()[group],
              geometry.inodeBitmaps()[group],
              geometry.inodeTables()[group],
              UsedBlocks.free(blockBitmap),
              UsedBlocks.free(inodeBitmap),
              directories[group],
              GroupDescriptor.INODE_ZEROED,
              CHECKSUMS.bitmap(blockBitmap, blockBitmap.length),
              CHECKSUMS.bitmap(inodeBitmap, geometry.inodesPerGroup() / 8),
              geometry.inodesPerGroup() - toLastUsed));
    }
    return List.copyOf(result);
  }
}
