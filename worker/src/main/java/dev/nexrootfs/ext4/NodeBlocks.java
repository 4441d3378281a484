package dev.nexrootfs.ext4;

import dev.nexrootfs.ext4.ondisk.DirectoryBlock;
import dev.nexrootfs.ext4.ondisk.DirectoryBlock.FileType;
import dev.nexrootfs.ext4.ondisk.DirectoryIndex;
import dev.nexrootfs.ext4.ondisk.Superblock;
import dev.nexrootfs.ext4.ondisk.XattrBlock;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The blocks of one node, in the order in which they were handed out: attributes, data, extent
 * tree. Positions count in them, not in the image.
 */
final class NodeBlocks {
  private final Ext4Layout layout;
  private final int ino;
  private final Node node;
  private final long start;
  private final AttributePlacement attributes;
  private final List<BlockRange> ranges;
  private final long dataBlocks;
  private final ExtentTree extents;
  private @Nullable DirectoryShape shape;

  NodeBlocks(Ext4Layout layout, int ino) {
    this.layout = layout;
    this.ino = ino;
    this.node = layout.node(ino);
    this.start = layout.start(ino);
    this.attributes = layout.contents().attributes(ino);
    this.ranges = layout.contents().dataRanges(ino);
    this.dataBlocks = ExtentTree.blocksIn(ranges);
    this.extents =
        dataBlocks == 0
            ? ExtentTree.EMPTY
            : ExtentTree.of(
                layout.geometry(), ranges, layout.geometry().blockAt(start, attributes.blocks()));
  }

  int ino() {
    return ino;
  }

  AttributePlacement attributes() {
    return attributes;
  }

  ExtentTree extents() {
    return extents;
  }

  /** The block of attributes; 0 for none. */
  long fileAcl() {
    return attributes.blocks() == 0 ? 0 : start;
  }

  /** How many there are. */
  long count() {
    return attributes.blocks() + dataBlocks + extents.nodeBlocks().length;
  }

  /** Where they are in the image. */
  List<BlockRange> runs() {
    return layout.geometry().runs(start, count());
  }

  /**
   * Renders {@code target.remaining()} bytes from {@code position}.
   *
   * @throws IOException where content cannot be read
   */
  void read(long position, ByteBuffer target) throws IOException {
    long data = (long) attributes.blocks() * Superblock.BLOCK_SIZE;
    long tree = data + dataBlocks * Superblock.BLOCK_SIZE;
    long at = position;
    while (target.hasRemaining()) {
      if (node instanceof RegularFile file && at >= data && at < tree) {
        int length = (int) Math.min(target.remaining(), tree - at);
        readFile(file.content(), at - data, length, target);
        at += length;
      } else {
        int offset = (int) (at % Superblock.BLOCK_SIZE);
        int length = Math.min(target.remaining(), Superblock.BLOCK_SIZE - offset);
        Region.put(block(at / Superblock.BLOCK_SIZE), offset, length, target);
        at += length;
      }
    }
  }

  private void readFile(Content content, long position, int length, ByteBuffer target)
      throws IOException {
    int left = length;
    long before = 0;
    for (BlockRange range : ranges) {
      long bytes = range.count() * Superblock.BLOCK_SIZE;
      long at = position + (length - left) - before;
      if (at < bytes) {
        int piece = (int) Math.min(left, bytes - at);
        readContent(content, range.start() * Superblock.BLOCK_SIZE + at, piece, target);
        left -= piece;
        if (left == 0) {
          return;
        }
      }
      before += bytes;
    }
  }

  /** Bytes of a file; those past its end are zero. */
  private static void readContent(Content content, long position, int length, ByteBuffer target)
      throws IOException {
    int present = (int) Math.max(0, Math.min(length, content.size() - position));
    if (present > 0) {
      int limit = target.limit();
      target.limit(target.position() + present);
      content.read(position, target);
      target.limit(limit);
    }
    Region.zero(target, length - present);
  }

  /** Block {@code index} where it is no file's data. */
  private byte[] block(long index) {
    if (index < attributes.blocks()) {
      return XattrBlock.encode(attributes.inBlock(), start, Ext4Layout.CHECKSUMS);
    }
    long data = index - attributes.blocks();
    if (data >= dataBlocks) {
      return extents.node(ino, (int) (data - dataBlocks), Ext4Layout.CHECKSUMS);
    }
    return node instanceof SymbolicLink link
        ? link.target()
        : directoryBlock((Directory) node, (int) data);
  }

  private byte[] directoryBlock(Directory directory, int index) {
    DirectoryShape known = shape();
    if (known.isIndexed() && index == 0) {
      return DirectoryIndex.root(
          ino,
          layout.parentOf(ino),
          known.indirectLevels(),
          known.rootEntries(),
          Ext4Layout.CHECKSUMS);
    }
    if (index < known.firstLeaf()) {
      return DirectoryIndex.node(ino, known.nodeEntries(index), Ext4Layout.CHECKSUMS);
    }
    List<DirectoryBlock.Entry> entries = new ArrayList<>();
    if (index == 0) {
      entries.add(new DirectoryBlock.Entry(ino, new byte[] {'.'}, FileType.FT_DIR));
      entries.add(
          new DirectoryBlock.Entry(layout.parentOf(ino), new byte[] {'.', '.'}, FileType.FT_DIR));
    }
    if (index < known.blocks()) {
      for (Name name : known.namesIn(index)) {
        Node child = directory.get(name).orElseThrow();
        entries.add(new DirectoryBlock.Entry(layout.inoOf(child), name.bytes(), fileType(child)));
      }
    }
    return DirectoryBlock.encode(ino, entries, Ext4Layout.CHECKSUMS);
  }

  /** Made when the first block is asked for; two threads make equal ones. */
  private DirectoryShape shape() {
    DirectoryShape known = shape;
    if (known == null) {
      known = layout.contents().shape(ino);
      shape = known;
    }
    return known;
  }

  private static FileType fileType(Node node) {
    if (node instanceof Directory) {
      return FileType.FT_DIR;
    }
    if (node instanceof RegularFile) {
      return FileType.FT_REG_FILE;
    }
    if (node instanceof DeviceNode device) {
      return switch (device.type()) {
        case CHARACTER -> FileType.FT_CHRDEV;
        case BLOCK -> FileType.FT_BLKDEV;
        case FIFO -> FileType.FT_FIFO;
      };
    }
    return FileType.FT_SYMLINK;
  }
}
