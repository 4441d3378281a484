package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.Inode;
import dev.nexrootfs.ext4.ondisk.InodeXattrs;
import dev.nexrootfs.ext4.ondisk.Superblock;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;

/** Renders the inode tables of a plan. */
final class InodeTable {
  private static final int SECTORS_PER_BLOCK = Superblock.BLOCK_SIZE / 512;
  private static final byte[] NO_ATTRIBUTES = new byte[0];

  private final Ext4Layout layout;

  InodeTable(Ext4Layout layout) {
    this.layout = layout;
  }

  /** Block {@code index} of the table of {@code group}. */
  byte[] block(int group, long index) {
    byte[] block = new byte[Superblock.BLOCK_SIZE];
    long first =
        (long) group * layout.geometry().inodesPerGroup() + index * Geometry.INODES_PER_BLOCK + 1;
    for (int i = 0; i < Geometry.INODES_PER_BLOCK; i++) {
      byte[] inode = encode(first + i);
      System.arraycopy(inode, 0, block, i * Inode.BYTES, inode.length);
    }
    return block;
  }

  private byte[] encode(long ino) {
    if (ino == Inode.JOURNAL_INO && layout.hasJournal()) {
      return journal().encode(Ext4Layout.CHECKSUMS);
    }
    if (ino == Inode.RESIZE_INO && layout.hasResizeInode()) {
      return resizeInode().encode(Ext4Layout.CHECKSUMS);
    }
    return layout.isUsed(ino) ? inode((int) ino).encode(Ext4Layout.CHECKSUMS) : new byte[0];
  }

  private Inode inode(int ino) {
    NodeBlocks blocks = new NodeBlocks(layout, ino);
    Node node = layout.node(ino);
    Attributes attributes = node.attributes();
    int links = layout.contents().numbering().links(ino);
    boolean manySubdirectories = node instanceof Directory && links > Inode.MAX_LINKS;
    return new Inode(
        ino,
        type(node) | attributes.permissions(),
        attributes.uid(),
        attributes.gid(),
        size(node, ino),
        attributes.mtime(),
        manySubdirectories ? 1 : links,
        blocks.count() * SECTORS_PER_BLOCK,
        flags(node, ino),
        iBlock(node, blocks),
        blocks.fileAcl(),
        InodeXattrs.encode(blocks.attributes().inInode()));
  }

  private Inode journal() {
    long blocks = (long) layout.geometry().journalBlocks() + layout.journal().nodeBlocks().length;
    return ownFile(
        Inode.JOURNAL_INO,
        layout.journalBytes(),
        blocks,
        Inode.EXTENTS_FL,
        layout.journal().root());
  }

  private Inode resizeInode() {
    ResizeInode file = layout.resizeInode();
    return ownFile(Inode.RESIZE_INO, file.size(), file.blocks(), 0, file.iBlock());
  }

  /** A file of the file system itself, which has no name. */
  private Inode ownFile(long ino, long size, long blocks, int flags, byte[] iBlock) {
    return new Inode(
        ino,
        Inode.S_IFREG | 0600,
        0,
        0,
        size,
        layout.profile().time(),
        1,
        blocks * SECTORS_PER_BLOCK,
        flags,
        iBlock,
        0,
        NO_ATTRIBUTES);
  }

  private long size(Node node, int ino) {
    if (node instanceof RegularFile file) {
      return file.content().size();
    }
    if (node instanceof SymbolicLink link) {
      return link.length();
    }
    return ExtentTree.blocksIn(layout.contents().dataRanges(ino)) * Superblock.BLOCK_SIZE;
  }

  private int flags(Node node, int ino) {
    if (!hasExtents(node)) {
      return 0;
    }
    return node instanceof Directory && layout.contents().isIndexed(ino)
        ? Inode.EXTENTS_FL | Inode.INDEX_FL
        : Inode.EXTENTS_FL;
  }

  private static byte[] iBlock(Node node, NodeBlocks blocks) {
    if (node instanceof DeviceNode device) {
      return device.type() == DeviceNode.Type.FIFO
          ? Inode.emptyBlock()
          : Inode.deviceBlock(device.major(), device.minor());
    }
    if (node instanceof SymbolicLink link && !hasExtents(link)) {
      return Inode.symlinkBlock(link.target());
    }
    return blocks.extents().root();
  }

  private static boolean hasExtents(Node node) {
    if (node instanceof SymbolicLink link) {
      return link.length() > Inode.SHORT_SYMLINK_BYTES;
    }
    return node instanceof Directory || node instanceof RegularFile;
  }

  private static int type(Node node) {
    if (node instanceof Directory) {
      return Inode.S_IFDIR;
    }
    if (node instanceof RegularFile) {
      return Inode.S_IFREG;
    }
    if (node instanceof DeviceNode device) {
      return switch (device.type()) {
        case CHARACTER -> Inode.S_IFCHR;
        case BLOCK -> Inode.S_IFBLK;
        case FIFO -> Inode.S_IFIFO;
      };
    }
    return Inode.S_IFLNK;
  }
}
