package dev.nexrootfs.ext4.read;

import java.io.IOException;

/** Checks the block map of one inode while it is walked, and marks its blocks as used. */
final class MapChecks implements BlockMap.Visitor {
  private final Verification verification;
  private final Volume volume;
  private final Findings findings;
  private final StoredInode inode;
  private final long fileBlocks;
  private long blocks;
  private long mapped;
  private long lastBlock;
  private boolean isWhole = true;

  private MapChecks(Verification verification, StoredInode inode) {
    this.verification = verification;
    this.volume = verification.volume();
    this.findings = verification.findings();
    this.inode = inode;
    this.fileBlocks = (inode.size() + volume.blockSize() - 1) / volume.blockSize();
  }

  /**
   * What was seen of a map.
   *
   * @param blocks all blocks, those of the map itself included
   * @param mapped blocks of the file up to its end
   * @param lastBlock where the last block of the file stands; 0 where that is a hole
   * @param isWhole whether all of the map was walked
   */
  record Result(long blocks, long mapped, long lastBlock, boolean isWhole) {}

  /** Checks the map of {@code inode}, whose size is one that a file can have. */
  static Result check(Verification verification, StoredInode inode) throws IOException {
    MapChecks checks = new MapChecks(verification, inode);
    if (inode.has(StoredInode.EXTENTS_FL)) {
      checks.checkRoot();
    }
    BlockMap.of(checks.volume, inode).walk(checks);
    return new Result(checks.blocks, checks.mapped, checks.lastBlock, checks.isWhole);
  }

  private void checkRoot() throws UnreadableImageException {
    StoredExtentNode root = StoredExtentNode.root(volume, inode);
    findings.same(inode.where() + ": extent tree, root", "eh_max", root.capacity(), 4);
  }

  @Override
  public boolean mapBlock(long block) throws IOException {
    blocks++;
    String where = inode.where() + ": map block " + block;
    volume.checkBlock(block, inode.where());
    if (!verification.use(block, 1, where)) {
      // A block that was met before is not walked again: so the work ends.
      isWhole = false;
      return false;
    }
    if (inode.has(StoredInode.EXTENTS_FL)) {
      checkExtentBlock(volume.block(block, where), where);
    }
    return true;
  }

  private void checkExtentBlock(byte[] bytes, String where) {
    Fields f = new Fields(bytes);
    int capacity = (bytes.length - StoredExtentNode.HEADER_BYTES) / StoredExtentNode.ENTRY_BYTES;
    findings.same(where, "eh_max", f.u16(4), capacity);
    int tail = StoredExtentNode.HEADER_BYTES + StoredExtentNode.ENTRY_BYTES * f.u16(4);
    if (verification.checksums().areKept() && tail + 4 <= bytes.length) {
      findings.sameBits(
          where,
          "et_checksum",
          f.bits32(tail), //                         et_checksum
          verification.checksums().extentBlock(inode, bytes, tail));
    }
  }

  @Override
  public void run(BlockMap.Run run) throws UnreadableImageException {
    blocks += run.count();
    verification.use(run.physical(), run.count(), inode.where());
    mapped += Math.max(0, Math.min(run.end(), fileBlocks) - run.logical());
    if (!run.unwritten() && run.end() > fileBlocks) {
      findings.add(
          inode.where(),
          "has blocks past its end: block",
          run.end() - 1,
          "at most " + (fileBlocks - 1));
    }
    if (run.hasData() && run.logical() < fileBlocks && fileBlocks <= run.end()) {
      lastBlock = run.physical() + fileBlocks - 1 - run.logical();
    }
  }
}
