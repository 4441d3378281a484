package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Checks every inode by itself, and marks inodes and their blocks as used. */
final class InodeChecks {
  private static final int CHUNK_BYTES = 1 << 16;
  private static final long MAX_ID = 0xFFFF_FFFEL;

  private final Verification verification;
  private final XattrChecks xattrs;
  private final Volume volume;
  private final BlockGroups groups;
  private final StoredSuperblock superblock;
  private final Findings findings;

  InodeChecks(Verification verification, XattrChecks xattrs) {
    this.verification = verification;
    this.xattrs = xattrs;
    this.volume = verification.volume();
    this.groups = volume.groups();
    this.superblock = volume.superblock();
    this.findings = verification.findings();
  }

  void check() throws IOException {
    for (int group = 0; group < groups.count() && !findings.isFull(); group++) {
      try {
        checkTable(group);
      } catch (UnreadableImageException e) {
        findings.add(e.finding());
      }
    }
  }

  private void checkTable(int group) throws IOException {
    StoredGroup descriptor = volume.group(group);
    long table = descriptor.inodeTable();
    volume.checkBlocks(table, groups.inodeTableBlocks(), "group " + group + ": bg_inode_table");
    boolean counts = verification.checksums().areKeptOfGroups();
    long used =
        counts && descriptor.has(StoredGroup.INODE_UNINIT)
            ? 0
            : groups.inodesPerGroup() - (counts ? descriptor.unusedInodes() : 0);
    boolean isZeroed = descriptor.has(StoredGroup.INODE_ZEROED);
    // What is past the used inodes of a table that nobody zeroed means nothing.
    long scanned = isZeroed ? groups.inodesPerGroup() : Math.max(0, used);
    int size = groups.inodeSize();
    int perChunk = Math.max(CHUNK_BYTES, size) / size;
    byte[] chunk = new byte[perChunk * size];
    boolean hasRemains = false;
    for (long index = 0; index < scanned && !findings.isFull(); index += perChunk) {
      int count = (int) Math.min(perChunk, scanned - index);
      long offset = table * volume.blockSize() + index * size;
      if (volume.source().nextData(offset) >= offset + (long) count * size) {
        continue;
      }
      volume.read(offset, ByteBuffer.wrap(chunk, 0, count * size));
      for (int i = 0; i < count && !findings.isFull(); i++) {
        if (ZeroScan.firstNonZero(chunk, i * size, (i + 1) * size) >= 0) {
          long ino = (long) group * groups.inodesPerGroup() + index + i + 1;
          StoredInode inode = volume.decodeInode(ByteBuffer.wrap(chunk, i * size, size), ino);
          if (inode.links() > 0) {
            checkUsed(inode, index + i >= used);
          } else if (ino >= superblock.firstIno() && !hasRemains) {
            findings.add(inode.where(), "is unused and not zero", "", "");
            hasRemains = true; // One finding for a group: deleted files leave many.
          }
        }
      }
    }
  }

  private void checkUsed(StoredInode inode, boolean isPastUsed) throws IOException {
    findings.require(
        !isPastUsed,
        inode.where(),
        "is in use in the part that bg_itable_unused calls unused",
        "",
        "");
    try {
      check(inode);
    } catch (UnreadableImageException e) {
      findings.add(e.finding());
    }
  }

  private void check(StoredInode inode) throws IOException {
    String where = inode.where();
    StoredInode.Type type = inode.type();
    verification.inodes().add(inode.ino(), type, inode.links());
    checkChecksum(inode);
    checkFields(inode, type);
    inode.checkTimes();
    int attributeBlocks = xattrs.check(inode);
    long blocks = attributeBlocks;
    boolean fast = isFastLink(inode, type);
    if (inode.ino() == StoredInode.RESIZE_INO
        && superblock.hasCompat(StoredSuperblock.COMPAT_RESIZE_INODE)) {
      return; // Its map is like no other: see SpecialInodes.
    }
    if (fast) {
      checkFastLink(inode);
    } else if (hasBlocks(type)) {
      checkSize(inode, type);
      MapChecks.Result map = MapChecks.check(verification, inode);
      if (!map.isWhole()) {
        return;
      }
      blocks += map.blocks();
      checkTail(inode, type, map);
    } else {
      findings.same(where, "i_size of a device, fifo or socket", inode.size(), 0);
    }
    checkBlocks(inode, blocks);
  }

  private static boolean hasBlocks(StoredInode.Type type) {
    return type == StoredInode.Type.REGULAR
        || type == StoredInode.Type.DIRECTORY
        || type == StoredInode.Type.SYMBOLIC_LINK;
  }

  private static boolean isFastLink(StoredInode inode, StoredInode.Type type) {
    return type == StoredInode.Type.SYMBOLIC_LINK
        && inode.size() < NodeReader.SHORT_SYMLINK_LIMIT
        && !inode.has(StoredInode.INLINE_DATA_FL);
  }

  private void checkChecksum(StoredInode inode) {
    if (!verification.checksums().areKept()) {
      return;
    }
    boolean hasHigh = inode.bytes().length > 128 && inode.extraIsize() >= 4;
    int stored = inode.checksumLow() | (hasHigh ? inode.checksumHigh() << 16 : 0);
    int expected = verification.checksums().inode(inode);
    findings.sameBits(inode.where(), "i_checksum", stored, hasHigh ? expected : expected & 0xFFFF);
  }

  private void checkFields(StoredInode inode, StoredInode.Type type) {
    String where = inode.where();
    findings.require(
        inode.hasSaneExtraIsize(),
        where,
        "i_extra_isize",
        inode.extraIsize(),
        "a multiple of 4 within the inode");
    boolean hasExtra =
        superblock.hasRoCompat(StoredSuperblock.RO_COMPAT_EXTRA_ISIZE) && groups.inodeSize() > 128;
    findings.require(
        !hasExtra
            || inode.ino() < superblock.firstIno()
            || inode.extraIsize() >= superblock.minExtraIsize(),
        where,
        "i_extra_isize",
        inode.extraIsize(),
        "at least s_min_extra_isize " + superblock.minExtraIsize());
    findings.same(where, "i_dtime of an inode in use", inode.deletionTime(), 0);
    findings.require(inode.uid() <= MAX_ID, where, "i_uid", inode.uid(), "at most " + MAX_ID);
    findings.require(inode.gid() <= MAX_ID, where, "i_gid", inode.gid(), "at most " + MAX_ID);
    findings.require(
        !inode.has(StoredInode.EXTENTS_FL)
            || superblock.hasIncompat(StoredSuperblock.INCOMPAT_EXTENTS),
        where,
        "i_flags: EXTENTS_FL without the feature extent",
        "",
        "");
    boolean mayHaveIndex =
        type == StoredInode.Type.DIRECTORY
            && superblock.hasCompat(StoredSuperblock.COMPAT_DIR_INDEX);
    findings.require(
        !inode.has(StoredInode.INDEX_FL) || mayHaveIndex,
        where,
        "i_flags: INDEX_FL on what is no directory, or without the feature dir_index",
        "",
        "");
    findings.require(
        !inode.has(StoredInode.EXTENTS_FL) || hasBlocks(type),
        where,
        "i_flags: EXTENTS_FL on what has no blocks",
        "",
        "");
    if (inode.ino() == StoredInode.ROOT_INO) {
      findings.require(
          type == StoredInode.Type.DIRECTORY, where, "i_mode of the root", type, "a directory");
    }
  }

  private void checkSize(StoredInode inode, StoredInode.Type type) throws UnreadableImageException {
    long most =
        type == StoredInode.Type.SYMBOLIC_LINK
            ? volume.blockSize()
            : BlockMap.MAX_LOGICAL_BLOCKS * volume.blockSize();
    if (inode.size() < 0 || inode.size() > most) {
      throw new UnreadableImageException(
          inode.where(), "i_size", Long.toUnsignedString(inode.size()), "at most " + most);
    }
  }

  private void checkFastLink(StoredInode inode) {
    byte[] block = inode.iBlock();
    int length = 0;
    while (length < block.length && block[length] != 0) {
      length++;
    }
    findings.same(inode.where(), "i_size of a symbolic link", inode.size(), length);
    findings.require(length > 0, inode.where(), "is a symbolic link to nothing", "", "");
    findings.require(
        !inode.has(StoredInode.EXTENTS_FL),
        inode.where(),
        "i_flags: EXTENTS_FL on a short symbolic link",
        "",
        "");
    if (length < block.length) {
      findings.require(
          ZeroScan.firstNonZero(block, length, block.length) < 0,
          inode.where(),
          "has bytes after the target of the symbolic link",
          "",
          "zeros");
    }
  }

  /** What stands in the last block after the end of the content would come to light with mmap. */
  private void checkTail(StoredInode inode, StoredInode.Type type, MapChecks.Result map)
      throws IOException {
    if (type == StoredInode.Type.SYMBOLIC_LINK) {
      findings.same(inode.where(), "blocks of a symbolic link", map.blocks(), 1);
    }
    boolean isContent = type != StoredInode.Type.DIRECTORY && inode.ino() >= superblock.firstIno();
    int used = (int) (inode.size() % volume.blockSize());
    if (!isContent || used == 0 || map.lastBlock() == 0) {
      return;
    }
    byte[] block = new byte[volume.blockSize()];
    volume.read(map.lastBlock() * volume.blockSize(), ByteBuffer.wrap(block));
    int at = ZeroScan.firstNonZero(block, used, block.length);
    findings.require(
        at < 0,
        inode.where(),
        "has bytes after its end in block " + map.lastBlock() + ", at",
        at,
        "zeros from " + used + " on");
  }

  private void checkBlocks(StoredInode inode, long blocks) {
    long sectors = volume.blockSize() / 512;
    boolean inBlocks = inode.has(StoredInode.HUGE_FILE_FL);
    findings.same(inode.where(), "i_blocks", inode.blocks(), inBlocks ? blocks : blocks * sectors);
  }
}
