package dev.nexrootfs.ext4.read;

import java.util.List;

/**
 * The geometry that a superblock tells, checked: block groups and where copies of superblock and
 * descriptors stand.
 */
final class BlockGroups {
  private static final int MAX_LOG_BLOCK_SIZE = 6;
  private static final int MIN_BLOCKS_PER_GROUP = 256;
  private static final int MAX_DESCRIPTOR_BYTES = 1024;
  private static final long MAX_BLOCKS = 1L << 48;

  private final StoredSuperblock superblock;
  private final int blockSize;
  private final long blocks;
  private final long firstDataBlock;
  private final int blocksPerGroup;
  private final int inodesPerGroup;
  private final int inodeSize;
  private final int descriptorBytes;
  private final int groups;

  /**
   * The geometry of {@code superblock}.
   *
   * @param imageBytes how long the image really is
   * @throws UnreadableImageException where the geometry is none, or goes past the image
   */
  BlockGroups(StoredSuperblock superblock, long imageBytes) throws UnreadableImageException {
    this.superblock = superblock;
    blockSize = checkedBlockSize();
    blocks = superblock.blocks();
    firstDataBlock = superblock.firstDataBlock();
    check(
        firstDataBlock == (blockSize == 1024 ? 1 : 0),
        "s_first_data_block",
        firstDataBlock,
        blockSize == 1024 ? "1" : "0");
    check(blocks > firstDataBlock && blocks < MAX_BLOCKS, "s_blocks_count", blocks, "1 to 2^48");
    check(
        blocks <= imageBytes / blockSize,
        "the image is cut off: it has " + imageBytes + " bytes, and s_blocks_count is",
        blocks,
        "at most " + imageBytes / blockSize + " blocks of " + blockSize + " bytes; copy it again");
    blocksPerGroup = groupSize();
    inodeSize = superblock.inodeSize();
    check(
        inodeSize >= 128 && inodeSize <= blockSize && Integer.bitCount(inodeSize) == 1,
        "s_inode_size",
        inodeSize,
        "a power of two from 128 to " + blockSize);
    long perGroup = superblock.inodesPerGroup();
    check(
        perGroup >= blockSize / inodeSize && perGroup <= 8L * blockSize && perGroup % 8 == 0,
        "s_inodes_per_group",
        perGroup,
        "a multiple of 8 up to " + 8L * blockSize);
    inodesPerGroup = (int) perGroup;
    long count = (blocks - firstDataBlock + blocksPerGroup - 1) / blocksPerGroup;
    check(count <= Integer.MAX_VALUE, "number of groups", count, "at most 2^31-1");
    groups = (int) count;
    long inodes = count * inodesPerGroup;
    check(superblock.inodes() == inodes, "s_inodes_count", superblock.inodes(), "" + inodes);
    descriptorBytes = descriptorSize();
    check(
        firstDataBlock + 1 + descriptorBlocks() < blocks,
        "group descriptors past the end, blocks",
        descriptorBlocks(),
        "");
    check(
        superblock.firstIno() >= 11 && superblock.firstIno() <= inodes,
        "s_first_ino",
        superblock.firstIno(),
        "11");
  }

  private int checkedBlockSize() throws UnreadableImageException {
    check(
        superblock.magic() == StoredSuperblock.MAGIC,
        "s_magic",
        hex(superblock.magic()),
        "0xef53 of an ext4 image");
    List<String> unreadable = Features.unreadable(superblock);
    check(unreadable.isEmpty(), "has features that are not read:", unreadable, "");
    long log = superblock.logBlockSize();
    check(log <= MAX_LOG_BLOCK_SIZE, "s_log_block_size", log, "0 to " + MAX_LOG_BLOCK_SIZE);
    long clusterLog = superblock.logClusterSize();
    check(clusterLog == log, "s_log_cluster_size", clusterLog, "" + log);
    return 1024 << (int) log;
  }

  private int groupSize() throws UnreadableImageException {
    long perGroup = superblock.blocksPerGroup();
    check(
        perGroup >= MIN_BLOCKS_PER_GROUP && perGroup <= 8L * blockSize && perGroup % 8 == 0,
        "s_blocks_per_group",
        perGroup,
        "a multiple of 8 from " + MIN_BLOCKS_PER_GROUP + " to " + 8L * blockSize);
    check(
        superblock.clustersPerGroup() == perGroup,
        "s_clusters_per_group",
        superblock.clustersPerGroup(),
        "" + perGroup);
    return (int) perGroup;
  }

  private int descriptorSize() throws UnreadableImageException {
    if (!superblock.hasIncompat(StoredSuperblock.INCOMPAT_64BIT)) {
      return StoredGroup.SHORT_BYTES;
    }
    int size = superblock.descriptorSize();
    check(
        size >= StoredGroup.LONG_BYTES
            && size <= MAX_DESCRIPTOR_BYTES
            && Integer.bitCount(size) == 1,
        "s_desc_size",
        size,
        "64 with the feature 64bit");
    return size;
  }

  int blockSize() {
    return blockSize;
  }

  long blocks() {
    return blocks;
  }

  long firstDataBlock() {
    return firstDataBlock;
  }

  int blocksPerGroup() {
    return blocksPerGroup;
  }

  int inodesPerGroup() {
    return inodesPerGroup;
  }

  int inodeSize() {
    return inodeSize;
  }

  int descriptorBytes() {
    return descriptorBytes;
  }

  int count() {
    return groups;
  }

  /** Blocks of one group's inode table. */
  int inodeTableBlocks() {
    return (int) (((long) inodesPerGroup * inodeSize + blockSize - 1) / blockSize);
  }

  int descriptorsPerBlock() {
    return blockSize / descriptorBytes;
  }

  /** Blocks of all descriptors. */
  int descriptorBlocks() {
    return (int) (((long) groups + descriptorsPerBlock() - 1) / descriptorsPerBlock());
  }

  long firstBlock(int group) {
    return firstDataBlock + (long) group * blocksPerGroup;
  }

  int blocksIn(int group) {
    return (int) Math.min(blocksPerGroup, blocks - firstBlock(group));
  }

  /** The group that holds {@code block}, which is one of a group. */
  int groupOfBlock(long block) {
    return (int) ((block - firstDataBlock) / blocksPerGroup);
  }

  int groupOfInode(long ino) {
    return (int) ((ino - 1) / inodesPerGroup);
  }

  /** Whether {@code block} is one of a group, and so may be pointed to. */
  boolean contains(long block) {
    return block >= firstDataBlock && block < blocks;
  }

  /** Whether {@code group} holds a copy of the superblock. */
  boolean hasSuperblock(int group) {
    if (group == 0) {
      return true;
    }
    if (superblock.hasCompat(StoredSuperblock.COMPAT_SPARSE_SUPER2)) {
      long[] backups = superblock.backupGroups();
      return group == backups[0] || group == backups[1];
    }
    if (group == 1 || !superblock.hasRoCompat(StoredSuperblock.RO_COMPAT_SPARSE_SUPER)) {
      return true;
    }
    return isPower(group, 3) || isPower(group, 5) || isPower(group, 7);
  }

  /** Descriptor blocks that stand together after a superblock: all, less those of meta_bg. */
  int joinedDescriptorBlocks() {
    return hasMetaGroups()
        ? (int) Math.min(superblock.firstMetaBlockGroup(), descriptorBlocks())
        : descriptorBlocks();
  }

  /** Blocks of superblock, descriptors and reserved descriptors at the start of {@code group}. */
  int baseBlocks(int group) {
    int own = hasSuperblock(group) ? 1 : 0;
    int metaGroup = group / descriptorsPerBlock();
    if (!hasMetaGroups() || metaGroup < superblock.firstMetaBlockGroup()) {
      return own == 0 ? 0 : 1 + joinedDescriptorBlocks() + superblock.reservedGdtBlocks();
    }
    int place = group % descriptorsPerBlock();
    boolean copy = place == 0 || place == 1 || place == descriptorsPerBlock() - 1;
    return own + (copy ? 1 : 0);
  }

  /**
   * Where block {@code index} of the descriptors stands in the copy that begins in {@code group}.
   */
  long descriptorBlock(int index, int group) {
    if (index < joinedDescriptorBlocks()) {
      return firstBlock(group) + 1 + index;
    }
    int first = index * descriptorsPerBlock();
    return firstBlock(first) + (hasSuperblock(first) ? 1 : 0);
  }

  private boolean hasMetaGroups() {
    return superblock.hasIncompat(StoredSuperblock.INCOMPAT_META_BG);
  }

  private static boolean isPower(int number, int base) {
    long power = base;
    while (power < number) {
      power *= base;
    }
    return power == number;
  }

  private static String hex(int value) {
    return "0x" + Integer.toHexString(value);
  }

  private static void check(boolean holds, String what, Object value, String expected)
      throws UnreadableImageException {
    if (!holds) {
      throw new UnreadableImageException("superblock", what, value, expected);
    }
  }
}
