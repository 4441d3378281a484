package dev.nexrootfs.ext4.read;

import java.io.IOException;
import java.util.List;

/**
 * Checks all of an image's metadata: checksums, counts, bitmaps, backups, directories and their
 * indexes, attributes, and that nothing is left in what is free. Finds what e2fsck finds in its
 * passes, and what it does not look at.
 *
 * <p>Two findings are rules of ours that an image made by others may break: bytes in free blocks,
 * and bytes in unused inodes.
 */
public final class Ext4Verifier {
  private final Verification verification;

  private Ext4Verifier(Verification verification) {
    this.verification = verification;
  }

  /**
   * What is wrong with the image in {@code source}; nothing for a sound one.
   *
   * @param maxFindings how many are wanted, at least 1; the search ends there
   * @throws UnreadableImageException where the superblock says nothing that could be checked
   * @throws IOException where the bytes cannot be read
   */
  public static List<Finding> verify(ImageSource source, int maxFindings) throws IOException {
    if (maxFindings < 1) {
      throw new IllegalArgumentException("maxFindings " + maxFindings + " is not at least 1");
    }
    Verification verification = Verification.of(Volume.open(source), maxFindings);
    new Ext4Verifier(verification).run();
    return verification.findings().list();
  }

  /** One part of the check; what it finds wrong with one structure does not end the others. */
  @FunctionalInterface
  private interface Part {
    void check() throws IOException;
  }

  private void run() throws IOException {
    GroupChecks groups = new GroupChecks(verification);
    XattrChecks xattrs = new XattrChecks(verification);
    SpecialInodes special = new SpecialInodes(verification);
    Part[] parts = {
      new SuperblockChecks(verification)::check,
      groups::checkDescriptors,
      new BackupChecks(verification)::check,
      new InodeChecks(verification, xattrs)::check,
      xattrs::checkShares,
      special::checkJournal,
      special::checkResizeInode,
      new DirectoryChecks(verification)::check,
      this::checkLinks,
      new BitmapChecks(verification)::check,
      new FreeSpaceChecks(verification)::check,
    };
    for (Part part : parts) {
      if (verification.findings().isFull()) {
        return;
      }
      try {
        part.check();
      } catch (UnreadableImageException e) {
        verification.findings().add(e.finding());
      }
    }
  }

  private void checkLinks() throws IOException {
    boolean hasDirNlink =
        verification.volume().superblock().hasRoCompat(StoredSuperblock.RO_COMPAT_DIR_NLINK);
    Findings findings = verification.findings();
    verification
        .inodes()
        .forEach(
            (ino, type, links, names) -> {
              String where = "inode " + ino;
              if (verification.isSpecial(ino)) {
                findings.require(
                    names == 0, where, "is reserved and has a name; names", names, "0");
              } else if (names == 0) {
                findings.add(where, "is in use, and no directory names it", "", "");
              } else {
                boolean tooMany = names > MAX_LINKS && type == StoredInode.Type.DIRECTORY;
                findings.same(where, "i_links_count", links, tooMany ? 1 : names);
                findings.require(
                    !tooMany || hasDirNlink,
                    where,
                    "has more links than dir_nlink is needed for:",
                    names,
                    "");
              }
            });
  }

  private static final int MAX_LINKS = 65_000;
}
