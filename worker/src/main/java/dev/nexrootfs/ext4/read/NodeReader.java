package dev.nexrootfs.ext4.read;

import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import dev.nexrootfs.tree.Xattrs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** From an inode to what a tree holds of it. */
final class NodeReader {
  /** A target shorter than this stands in {@code i_block}. */
  static final int SHORT_SYMLINK_LIMIT = 60;

  private final Volume volume;

  NodeReader(Volume volume) {
    this.volume = volume;
  }

  /** The node of {@code inode}; a directory without its entries. No socket: a tree has none. */
  Node node(StoredInode inode, long sequence) throws IOException {
    Attributes attributes = attributes(inode);
    return switch (inode.type()) {
      case DIRECTORY -> new Directory(attributes, sequence);
      case REGULAR -> new RegularFile(attributes, sequence, new StoredContent(volume, inode));
      case SYMBOLIC_LINK -> link(inode, attributes, sequence);
      case CHARACTER_DEVICE -> device(inode, attributes, sequence, DeviceNode.Type.CHARACTER);
      case BLOCK_DEVICE -> device(inode, attributes, sequence, DeviceNode.Type.BLOCK);
      case FIFO -> device(inode, attributes, sequence, DeviceNode.Type.FIFO);
      case SOCKET ->
          throw new UnreadableImageException(
              inode.where(), "is a socket, which a tree and an archive cannot hold", "", "");
    };
  }

  private static DeviceNode device(
      StoredInode inode, Attributes attributes, long sequence, DeviceNode.Type type) {
    return new DeviceNode(attributes, sequence, type, inode.major(), inode.minor());
  }

  private SymbolicLink link(StoredInode inode, Attributes attributes, long sequence)
      throws IOException {
    try {
      return new SymbolicLink(attributes, sequence, target(inode));
    } catch (IllegalArgumentException e) {
      throw new UnreadableImageException(inode.where(), String.valueOf(e.getMessage()), "", "");
    }
  }

  /** Mode, owner, time and extended attributes. */
  Attributes attributes(StoredInode inode) throws IOException {
    if (inode.uid() > Attributes.MAX_ID || inode.gid() > Attributes.MAX_ID) {
      throw new UnreadableImageException(
          inode.where(),
          "i_uid and i_gid",
          inode.uid() + " and " + inode.gid(),
          "at most " + Attributes.MAX_ID);
    }
    return new Attributes(
        inode.mode() & 07777, inode.uid(), inode.gid(), inode.mtime(), xattrs(inode));
  }

  /** The extended attributes by full name; one in the inode hides one in the block. */
  Xattrs xattrs(StoredInode inode) throws IOException {
    List<StoredXattr> all = new ArrayList<>(StoredXattr.inInode(inode));
    all.addAll(StoredXattr.inBlock(volume, inode));
    Map<String, byte[]> values = new HashMap<>();
    for (StoredXattr entry : all) {
      values.putIfAbsent(entry.fullName(inode.where()), entry.valueForPrograms(inode.where()));
    }
    return Xattrs.of(values);
  }

  /** The target of a symbolic link. */
  byte[] target(StoredInode inode) throws IOException {
    long size = inode.size();
    if (!inode.is(StoredInode.Type.SYMBOLIC_LINK) || size < 1 || size > volume.blockSize()) {
      throw new UnreadableImageException(
          inode.where(), "i_size of a symbolic link", size, "1 to " + volume.blockSize());
    }
    if (size < SHORT_SYMLINK_LIMIT && !inode.has(StoredInode.INLINE_DATA_FL)) {
      return inode.fields().slice(0x28, (int) size); // i_block
    }
    ByteBuffer target = ByteBuffer.allocate((int) size);
    BlockMap.Run run = BlockMap.of(volume, inode).runAt(0);
    if (!run.hasData()) {
      throw new UnreadableImageException(
          inode.where(), "is a symbolic link without a block for its target", "", "");
    }
    volume.read(run.physical() * volume.blockSize(), target);
    return target.array();
  }
}
