package dev.nexrootfs.ext4.read;

/**
 * What the checks of one image share.
 *
 * @param volume the image
 * @param checksums what its checksums have to be
 * @param findings where the checks report
 * @param blocks the blocks seen in use
 * @param inodes the inodes seen in use
 */
record Verification(
    Volume volume,
    MetadataChecksums checksums,
    Findings findings,
    BlockUse blocks,
    InodeUse inodes) {
  static Verification of(Volume volume, int maxFindings) {
    return new Verification(
        volume,
        new MetadataChecksums(volume.superblock()),
        new Findings(maxFindings),
        new BlockUse(volume.groups()),
        new InodeUse());
  }

  /** Marks blocks as used by {@code where}; whether nothing used them before. */
  boolean use(long start, long count, String where) {
    long twice = blocks.mark(start, count);
    if (twice >= 0) {
      findings.add(where, "uses a block that something else uses: block", twice, "");
    }
    return twice < 0;
  }

  /** Whether {@code ino} needs no name: a reserved one, or one that the superblock names. */
  boolean isSpecial(long ino) {
    StoredSuperblock superblock = volume.superblock();
    if (ino < superblock.firstIno()) {
      return ino != StoredInode.ROOT_INO;
    }
    for (long quota : superblock.quotaInos()) {
      if (ino == quota) {
        return true;
      }
    }
    return ino == superblock.journalIno() || ino == superblock.orphanFileIno();
  }
}
