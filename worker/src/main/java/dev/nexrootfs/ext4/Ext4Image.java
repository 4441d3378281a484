package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.CompatFeature;
import dev.nexrootfs.ext4.ondisk.GroupDescriptor;
import dev.nexrootfs.ext4.ondisk.IncompatFeature;
import dev.nexrootfs.ext4.ondisk.Inode;
import dev.nexrootfs.ext4.ondisk.JournalSuperblock;
import dev.nexrootfs.ext4.ondisk.RoCompatFeature;
import dev.nexrootfs.ext4.ondisk.Superblock;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An image as a function of its plan: any range of bytes, any number of times, by any thread. What
 * no region covers is a hole and reads as zeros.
 */
public final class Ext4Image {
  private static final int DESCRIPTORS_PER_BLOCK = Superblock.BLOCK_SIZE / GroupDescriptor.BYTES;

  private final Ext4Layout layout;
  private final InodeTable inodeTable;
  private final Region[] metadata;
  private final int[] withBlocks;

  /** The node that was read last: large files and directories are read piece by piece. */
  private volatile @Nullable NodeBlocks lastRead;

  /** The image of {@code layout}. */
  public Ext4Image(Ext4Layout layout) {
    this.layout = layout;
    this.inodeTable = new InodeTable(layout);
    this.metadata = metadata();
    this.withBlocks = layout.withBlocks();
  }

  /** Bytes of the image. */
  public long size() {
    return layout.size();
  }

  /**
   * Reads {@code target.remaining()} bytes from {@code offset}.
   *
   * @throws IOException where content cannot be read
   * @throws IndexOutOfBoundsException past the end of the image
   */
  public void read(long offset, ByteBuffer target) throws IOException {
    java.util.Objects.checkFromIndexSize(offset, target.remaining(), size());
    long at = offset;
    while (target.hasRemaining()) {
      Optional<Region> region = regionEndingAfter(at / Superblock.BLOCK_SIZE);
      long start = region.map(next -> next.firstBlock() * Superblock.BLOCK_SIZE).orElse(size());
      if (at < start) {
        int zeros = (int) Math.min(target.remaining(), start - at);
        Region.zero(target, zeros);
        at += zeros;
      } else if (region.isPresent()) {
        long end = start + region.get().blocks() * Superblock.BLOCK_SIZE;
        int length = (int) Math.min(target.remaining(), end - at);
        int limit = target.limit();
        target.limit(target.position() + length);
        region.get().read(at - start, target);
        target.limit(limit);
        at += length;
      }
    }
  }

  /**
   * The start of the first region at or after {@code offset}, or its continuation: what lies before
   * it is a hole.
   */
  public long nextData(long offset) {
    return regionEndingAfter(offset / Superblock.BLOCK_SIZE)
        .map(region -> Math.max(offset, region.firstBlock() * Superblock.BLOCK_SIZE))
        .orElse(size());
  }

  /** The image from front to back; each read fills the array as far as the image goes. */
  public InputStream stream() {
    return new Ext4ImageStream(this);
  }

  /** The region that holds {@code block}, or the first one after it. */
  private Optional<Region> regionEndingAfter(long block) {
    Optional<Region> ofNode = nodeRegionEndingAfter(block);
    int index = metadataEndingAfter(block);
    if (index < metadata.length
        && (ofNode.isEmpty() || metadata[index].firstBlock() < ofNode.get().firstBlock())) {
      return Optional.of(metadata[index]);
    }
    return ofNode;
  }

  private int metadataEndingAfter(long block) {
    int low = 0;
    int high = metadata.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (metadata[middle].firstBlock() + metadata[middle].blocks() > block) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  private Optional<Region> nodeRegionEndingAfter(long block) {
    for (int i = Math.max(0, lastStartingAtOrBefore(block)); i < withBlocks.length; i++) {
      NodeBlocks node = nodeBlocks(withBlocks[i]);
      long index = 0;
      for (BlockRange run : node.runs()) {
        if (run.end() > block) {
          return Optional.of(new Region.OfNode(run.start(), run.count(), node, index));
        }
        index += run.count();
      }
    }
    return Optional.empty();
  }

  /** The index of the last node whose first block is not after {@code block}; -1 for none. */
  private int lastStartingAtOrBefore(long block) {
    int low = 0;
    int high = withBlocks.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (layout.start(withBlocks[middle]) > block) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low - 1;
  }

  private NodeBlocks nodeBlocks(int ino) {
    NodeBlocks last = lastRead;
    if (last == null || last.ino() != ino) {
      last = new NodeBlocks(layout, ino);
      lastRead = last;
    }
    return last;
  }

  private Region[] metadata() {
    List<Region> all = new ArrayList<>();
    for (int group = 0; group < layout.geometry().groups(); group++) {
      addGroup(all, group);
    }
    if (layout.hasJournal()) {
      addJournal(all);
    }
    if (layout.hasResizeInode()) {
      ResizeInode file = layout.resizeInode();
      all.add(new Region.Metadata(file.doubleIndirectBlock(), 1, index -> file.doubleIndirect()));
      all.add(
          new Region.Metadata(
              1L + layout.geometry().descriptorBlocks(),
              layout.geometry().reservedDescriptorBlocks(),
              file::reserved));
    }
    Region[] sorted = all.toArray(Region[]::new);
    Arrays.sort(sorted, Comparator.comparingLong(Region::firstBlock));
    return sorted;
  }

  private void addGroup(List<Region> all, int group) {
    Geometry geometry = layout.geometry();
    if (Geometry.hasSuperblock(group)) {
      long first = Geometry.firstBlock(group);
      all.add(new Region.Metadata(first, 1, index -> superblock(group)));
      all.add(new Region.Metadata(first + 1, geometry.descriptorBlocks(), this::descriptorBlock));
    }
    all.add(
        new Region.Metadata(
            geometry.blockBitmaps()[group], 1, index -> layout.used().bitmap(group)));
    all.add(
        new Region.Metadata(geometry.inodeBitmaps()[group], 1, index -> layout.inodeBitmap(group)));
    int inodes = layout.inodesToLastUsed(group);
    if (inodes > 0) {
      int blocks = (inodes + Geometry.INODES_PER_BLOCK - 1) / Geometry.INODES_PER_BLOCK;
      all.add(
          new Region.Metadata(
              geometry.inodeTables()[group], blocks, index -> inodeTable.block(group, index)));
    }
  }

  private void addJournal(List<Region> all) {
    JournalSuperblock superblock =
        new JournalSuperblock(layout.geometry().journalBlocks(), layout.profile().uuid());
    all.add(new Region.Metadata(layout.journalBlock(), 1, index -> superblock.encode()));
    long[] nodes = layout.journal().nodeBlocks();
    for (int i = 0; i < nodes.length; i++) {
      int node = i;
      all.add(
          new Region.Metadata(
              nodes[i],
              1,
              index -> layout.journal().node(Inode.JOURNAL_INO, node, Ext4Layout.CHECKSUMS)));
    }
  }

  private byte[] superblock(int group) {
    byte[] encoded = superblock().encode(group);
    if (group > 0) {
      return encoded;
    }
    byte[] block = new byte[Superblock.OFFSET + Superblock.BYTES];
    System.arraycopy(encoded, 0, block, Superblock.OFFSET, encoded.length);
    return block;
  }

  private Superblock superblock() {
    Geometry geometry = layout.geometry();
    Set<CompatFeature> compat =
        EnumSet.of(CompatFeature.COMPAT_EXT_ATTR, CompatFeature.COMPAT_DIR_INDEX);
    if (layout.hasJournal()) {
      compat.add(CompatFeature.COMPAT_HAS_JOURNAL);
    }
    if (layout.hasResizeInode()) {
      compat.add(CompatFeature.COMPAT_RESIZE_INODE);
    }
    return new Superblock(
        (long) geometry.inodesPerGroup() * geometry.groups(),
        geometry.blocks(),
        layout.freeBlocks(),
        layout.freeInodes(),
        geometry.inodesPerGroup(),
        geometry.reservedDescriptorBlocks(),
        geometry.overheadBlocks(),
        layout.profile().time(),
        layout.profile().uuid(),
        Ext4Layout.HASH_SEED,
        Ext4Layout.CHECKSUMS,
        compat,
        EnumSet.allOf(IncompatFeature.class),
        EnumSet.allOf(RoCompatFeature.class),
        layout.hasJournal()
            ? Optional.of(new Superblock.Journal(layout.journal().root(), layout.journalBytes()))
            : Optional.empty());
  }

  private byte[] descriptorBlock(long index) {
    byte[] block = new byte[Superblock.BLOCK_SIZE];
    int first = (int) index * DESCRIPTORS_PER_BLOCK;
    int end = Math.min(first + DESCRIPTORS_PER_BLOCK, layout.geometry().groups());
    for (int group = first; group < end; group++) {
      byte[] encoded = layout.descriptors().get(group).encode(group, Ext4Layout.CHECKSUMS);
      System.arraycopy(encoded, 0, block, (group - first) * GroupDescriptor.BYTES, encoded.length);
    }
    return block;
  }
}
