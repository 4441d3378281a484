package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.util.BitSet;

/**
 * Checks that what is free is zero: bytes there would be content that somebody deleted, given away
 * with the image.
 */
final class FreeSpaceChecks {
  private final Volume volume;
  private final BlockGroups groups;
  private final Findings findings;
  private final ZeroScan scan;

  FreeSpaceChecks(Verification verification) {
    this.volume = verification.volume();
    this.groups = volume.groups();
    this.findings = verification.findings();
    this.scan = new ZeroScan(volume.source());
  }

  void check() throws IOException {
    for (int group = 0; group < groups.count() && !findings.isFull(); group++) {
      try {
        check(group);
      } catch (UnreadableImageException e) {
        findings.add(e.finding());
      }
    }
    long end = groups.blocks() * volume.blockSize();
    long at = scan.find(end, volume.source().size());
    findings.require(at < 0, "image", "has bytes after the file system, at", at, "zeros");
  }

  /** Reports the first block of a group only. */
  private void check(int group) throws IOException {
    BitSet used = BitmapChecks.blockBitmap(volume, volume.group(group), group);
    int count = groups.blocksIn(group);
    long first = groups.firstBlock(group);
    int from = used.nextClearBit(0);
    while (from < count) {
      int next = used.nextSetBit(from);
      int to = next < 0 ? count : Math.min(next, count);
      long at = scan.find((first + from) * volume.blockSize(), (first + to) * volume.blockSize());
      if (at >= 0) {
        findings.add(
            "group " + group, "has bytes in a free block, block", at / volume.blockSize(), "zeros");
        return;
      }
      from = used.nextClearBit(to);
    }
  }
}
