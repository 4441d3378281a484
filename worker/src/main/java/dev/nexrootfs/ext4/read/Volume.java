package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An opened image: its superblock and geometry, and access to blocks, descriptors and inodes by
 * number, each number checked. For several threads.
 */
final class Volume {
  /** Bytes of metadata blocks that are kept. */
  private static final int CACHE_BYTES = 4 << 20;

  private final ImageSource source;
  private final StoredSuperblock superblock;
  private final BlockGroups groups;
  private final Map<Long, byte[]> cache;

  private Volume(ImageSource source, StoredSuperblock superblock, BlockGroups groups) {
    this.source = source;
    this.superblock = superblock;
    this.groups = groups;
    int capacity = Math.max(8, CACHE_BYTES / groups.blockSize());
    this.cache =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<Long, byte[]> eldest) {
            return size() > capacity;
          }
        };
  }

  /** Opens the file system in {@code source}. */
  static Volume open(ImageSource source) throws IOException {
    long size = source.size();
    if (size < StoredSuperblock.OFFSET + StoredSuperblock.BYTES) {
      throw new UnreadableImageException(
          "superblock", "there is none: the image has", size + " bytes", "an ext4 image");
    }
    ByteBuffer bytes = ByteBuffer.allocate(StoredSuperblock.BYTES);
    source.read(StoredSuperblock.OFFSET, bytes);
    StoredSuperblock superblock = StoredSuperblock.decode(bytes.flip());
    return new Volume(source, superblock, new BlockGroups(superblock, size));
  }

  ImageSource source() {
    return source;
  }

  StoredSuperblock superblock() {
    return superblock;
  }

  BlockGroups groups() {
    return groups;
  }

  int blockSize() {
    return groups.blockSize();
  }

  /**
   * The bytes of one block, not to be changed.
   *
   * @param where names what points to the block
   */
  byte[] block(long block, String where) throws IOException {
    checkBlock(block, where);
    synchronized (cache) {
      byte[] cached = cache.get(block);
      if (cached != null) {
        return cached;
      }
    }
    byte[] bytes = new byte[blockSize()];
    source.read(block * blockSize(), ByteBuffer.wrap(bytes));
    synchronized (cache) {
      cache.put(block, bytes);
    }
    return bytes;
  }

  /** Throws where {@code block} is none that {@code where} may point to. */
  void checkBlock(long block, String where) throws UnreadableImageException {
    if (!groups.contains(block)) {
      throw new UnreadableImageException(
          where,
          "points to block",
          Long.toUnsignedString(block),
          groups.firstDataBlock() + " to " + (groups.blocks() - 1));
    }
  }

  /** The same for a run of {@code count} blocks. */
  void checkBlocks(long start, long count, String where) throws UnreadableImageException {
    checkBlock(start, where);
    if (count > groups.blocks() - start) {
      throw new UnreadableImageException(
          where,
          "points past the end of the file system: blocks",
          start + " to " + (start + count - 1),
          "at most " + (groups.blocks() - 1));
    }
  }

  /** The descriptor of {@code group}, its pointers not checked. */
  StoredGroup group(int group) throws IOException {
    int size = groups.descriptorBytes();
    int index = group / groups.descriptorsPerBlock();
    byte[] block = block(groups.descriptorBlock(index, 0), "group descriptors");
    int at = group % groups.descriptorsPerBlock() * size;
    return StoredGroup.decode(ByteBuffer.wrap(block, at, size), size);
  }

  /**
   * Inode {@code ino}, whether it is in use or not.
   *
   * @param where names what points to the inode
   */
  StoredInode inode(long ino, String where) throws IOException {
    if (ino < 1 || ino > superblock.inodes()) {
      throw new UnreadableImageException(where, "names inode", ino, "1 to " + superblock.inodes());
    }
    int group = groups.groupOfInode(ino);
    StoredGroup descriptor = group(group);
    checkBlocks(
        descriptor.inodeTable(), groups.inodeTableBlocks(), "group " + group + ": bg_inode_table");
    long offset = (ino - 1) % groups.inodesPerGroup() * groups.inodeSize();
    byte[] block =
        block(
            descriptor.inodeTable() + offset / blockSize(), "group " + group + ": bg_inode_table");
    return decodeInode(ByteBuffer.wrap(block).position((int) (offset % blockSize())), ino);
  }

  StoredInode decodeInode(ByteBuffer bytes, long ino) {
    return StoredInode.decode(
        bytes, groups.inodeSize(), ino, superblock.hasIncompat(StoredSuperblock.INCOMPAT_LARGEDIR));
  }

  /** Reads bytes that are not metadata. */
  void read(long offset, ByteBuffer target) throws IOException {
    source.read(offset, target);
  }
}
