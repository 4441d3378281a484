package dev.nexrootfs.ext4.read;

import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * An image of which single fields are changed, over one that stays as it is. Where a field is, is
 * asked of the unchanged image; what was changed can be sealed with a right checksum.
 */
final class EditableImage implements ImageSource {
  private static final int CHUNK = 1024;

  private final ImageSource base;
  private final Volume volume;
  private final MetadataChecksums checksums;
  private final TreeMap<Long, byte[]> changed = new TreeMap<>();

  EditableImage(ImageSource base) throws IOException {
    this.base = base;
    this.volume = Volume.open(base);
    this.checksums = new MetadataChecksums(volume.superblock());
  }

  @Override
  public long size() {
    return base.size();
  }

  @Override
  public void read(long offset, ByteBuffer target) throws IOException {
    int start = target.position();
    long end = offset + target.remaining();
    base.read(offset, target);
    for (Map.Entry<Long, byte[]> entry :
        changed.subMap(offset / CHUNK, true, end / CHUNK, true).entrySet()) {
      long at = entry.getKey() * CHUNK;
      int from = (int) Math.max(0, offset - at);
      int to = (int) Math.min(CHUNK, end - at);
      for (int i = from; i < to; i++) {
        target.put((int) (start + at + i - offset), entry.getValue()[i]);
      }
    }
  }

  @Override
  public long nextData(long offset) {
    Long next = changed.ceilingKey(offset / CHUNK);
    long data = base.nextData(offset);
    return next == null ? data : Math.min(data, Math.max(offset, next * CHUNK));
  }

  /** The bytes as they are now. */
  byte[] get(long offset, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    read(offset, bytes);
    return bytes.array();
  }

  EditableImage put(long offset, byte[] bytes) throws IOException {
    for (int i = 0; i < bytes.length; i++) {
      long at = offset + i;
      byte[] chunk = changed.get(at / CHUNK);
      if (chunk == null) {
        long start = at / CHUNK * CHUNK;
        chunk = Arrays.copyOf(get(start, (int) Math.min(CHUNK, size() - start)), CHUNK);
        changed.put(at / CHUNK, chunk);
      }
      chunk[(int) (at % CHUNK)] = bytes[i];
    }
    return this;
  }

  EditableImage put8(long offset, int value) throws IOException {
    return put(offset, new byte[] {(byte) value});
  }

  EditableImage put16(long offset, int value) throws IOException {
    return put(offset, le(2).putShort((short) value).array());
  }

  EditableImage put32(long offset, long value) throws IOException {
    return put(offset, le(4).putInt((int) value).array());
  }

  /** Adds to the 16 bits at {@code offset}. */
  EditableImage add16(long offset, int more) throws IOException {
    return put16(offset, new Fields(get(offset, 2)).u16(0) + more);
  }

  /** Adds to the 32 bits at {@code offset}. */
  EditableImage add32(long offset, long more) throws IOException {
    return put32(offset, new Fields(get(offset, 4)).u32(0) + more);
  }

  /** Inverts bits of the byte at {@code offset}. */
  EditableImage flip(long offset, int bits) throws IOException {
    return put8(offset, get(offset, 1)[0] ^ bits);
  }

  private static ByteBuffer le(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  BlockGroups groups() {
    return volume.groups();
  }

  long block(long block) {
    return block * volume.blockSize();
  }

  int blockSize() {
    return volume.blockSize();
  }

  StoredGroup group(int group) throws IOException {
    return volume.group(group);
  }

  /** Where the descriptor of {@code group} stands in the copy that begins in {@code copy}. */
  long descriptor(int group, int copy) {
    int perBlock = groups().descriptorsPerBlock();
    return block(groups().descriptorBlock(group / perBlock, copy))
        + (long) group % perBlock * groups().descriptorBytes();
  }

  long backup(int group) {
    return block(groups().firstBlock(group));
  }

  StoredInode file(String path) throws IOException {
    return new PathLookup(volume, TreePath.of(path)).find().orElseThrow();
  }

  /** Where inode {@code ino} stands. */
  long inode(long ino) throws IOException {
    int group = groups().groupOfInode(ino);
    return block(volume.group(group).inodeTable())
        + (ino - 1) % groups().inodesPerGroup() * groups().inodeSize();
  }

  long inode(String path) throws IOException {
    return inode(file(path).ino());
  }

  /** Where block {@code logical} of the file stands. */
  long data(String path, long logical) throws IOException {
    return block(BlockMap.of(volume, file(path)).runAt(logical).physical());
  }

  long journal() throws IOException {
    StoredInode journal = volume.inode(8, "test");
    return block(BlockMap.of(volume, journal).runAt(0).physical());
  }

  /** Where the entry of {@code path} stands in the blocks of its directory. */
  long entry(String path) throws IOException {
    TreePath whole = TreePath.of(path);
    String parent = whole.parent().toString();
    byte[] name = whole.last().bytes();
    for (long logical = 0; ; logical++) {
      long start = data(parent, logical);
      byte[] block = get(start, volume.blockSize());
      for (int at = 0; at + 8 < block.length; at += Math.max(4, new Fields(block).u16(at + 4))) {
        int end = at + 8 + (block[at + 6] & 0xFF);
        if (end <= block.length && Arrays.equals(block, at + 8, end, name, 0, name.length)) {
          return start + at;
        }
      }
    }
  }

  EditableImage sealSuperblock() throws IOException {
    return sealSuperblockAt(1024);
  }

  EditableImage sealSuperblockAt(long offset) throws IOException {
    return put32(offset + 0x3FC, MetadataChecksums.superblock(get(offset, 1024)));
  }

  EditableImage sealGroup(int group) throws IOException {
    return sealGroupAt(group, descriptor(group, 0));
  }

  EditableImage sealGroupAt(int group, long offset) throws IOException {
    byte[] bytes = get(offset, groups().descriptorBytes());
    return put16(offset + 0x1E, checksums.group(group, bytes));
  }

  /** Seals both bitmaps of {@code group}, and its descriptor. */
  EditableImage sealBitmaps(int group) throws IOException {
    long at = descriptor(group, 0);
    byte[] blocks = get(block(group(group).blockBitmap()), volume.blockSize());
    byte[] inodes = get(block(group(group).inodeBitmap()), volume.blockSize());
    int blockSum = checksums.bitmap(blocks, groups().blocksPerGroup() / 8);
    int inodeSum = checksums.bitmap(inodes, groups().inodesPerGroup() / 8);
    put16(at + 0x18, blockSum).put16(at + 0x38, blockSum >>> 16);
    put16(at + 0x1A, inodeSum).put16(at + 0x3A, inodeSum >>> 16);
    return sealGroup(group);
  }

  EditableImage sealInode(long ino) throws IOException {
    long at = inode(ino);
    StoredInode now = volume.decodeInode(ByteBuffer.wrap(get(at, groups().inodeSize())), ino);
    int sum = checksums.inode(now);
    return put16(at + 0x7C, sum).put16(at + 0x82, sum >>> 16);
  }

  EditableImage sealInode(String path) throws IOException {
    return sealInode(file(path).ino());
  }

  EditableImage sealDirectory(String path, long logical) throws IOException {
    long at = data(path, logical);
    byte[] block = get(at, volume.blockSize());
    return put32(at + block.length - 4, checksums.directoryBlock(file(path), block));
  }

  EditableImage sealIndexRoot(String path) throws IOException {
    long at = data(path, 0);
    byte[] block = get(at, volume.blockSize());
    Fields f = new Fields(block);
    int end = HashIndex.ROOT_ENTRIES + 8 * f.u16(HashIndex.ROOT_ENTRIES + 2);
    int tail = block.length - MetadataChecksums.INDEX_TAIL_BYTES;
    return put32(at + tail + 4, checksums.indexBlock(file(path), block, end, tail));
  }

  /** Seals the one extent block of {@code path}, of which {@link #extentBlock} says the place. */
  EditableImage sealExtents(String path) throws IOException {
    long at = extentBlock(path);
    byte[] block = get(at, volume.blockSize());
    int tail = 12 + 12 * new Fields(block).u16(4);
    return tail + 4 > block.length
        ? this
        : put32(at + tail, checksums.extentBlock(file(path), block, tail));
  }

  /** Where the first child of the root of an extent tree stands. */
  long extentBlock(String path) throws IOException {
    return block(StoredExtentNode.root(volume, file(path)).childBlock(0));
  }

  EditableImage sealXattrs(String path) throws IOException {
    long number = file(path).fileAcl();
    byte[] block = get(block(number), volume.blockSize());
    return put32(block(number) + 0x10, checksums.xattrBlock(number, block));
  }
}
