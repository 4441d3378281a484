package dev.nexrootfs.ext4.read;

import dev.nexrootfs.tree.Name;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Checks all directories from the root on, and counts the names of each inode. */
final class DirectoryChecks {
  private static final int TAIL_TYPE = 0xDE;
  private static final int MAX_SHOWN_PATH = 512;
  private static final String LOST_FOUND = "lost+found";

  private final Verification verification;
  private final Volume volume;
  private final StoredSuperblock superblock;
  private final Findings findings;
  private final Deque<Pending> pending = new ArrayDeque<>();
  private boolean hasLostFound;

  /** A directory that is still to be checked. */
  private record Pending(long ino, long parentIno, String path) {}

  /** What is known of the directory that is being checked. */
  private record Current(
      StoredInode inode, Pending pending, Optional<HashIndex> index, Set<Name> names) {
    String where() {
      return "directory " + (pending.path.isEmpty() ? "/" : pending.path) + ", " + inode.where();
    }
  }

  DirectoryChecks(Verification verification) {
    this.verification = verification;
    this.volume = verification.volume();
    this.superblock = volume.superblock();
    this.findings = verification.findings();
  }

  void check() throws IOException {
    InodeUse inodes = verification.inodes();
    long root = StoredInode.ROOT_INO;
    if (!inodes.contains(root) || inodes.type(root) != StoredInode.Type.DIRECTORY) {
      findings.add("inode 2", "the root directory is missing", "", "");
      return;
    }
    inodes.enter(root);
    pending.push(new Pending(root, root, ""));
    while (!pending.isEmpty() && !findings.isFull()) {
      Pending next = pending.pop();
      try {
        check(next);
      } catch (UnreadableImageException e) {
        findings.add(e.finding());
      }
    }
    findings.require(hasLostFound, "/" + LOST_FOUND, "is missing", "", "a directory");
  }

  private void check(Pending next) throws IOException {
    StoredInode inode = volume.inode(next.ino, next.path);
    Current current = new Current(inode, next, index(inode), new HashSet<>());
    boolean isIndexBroken = inode.has(StoredInode.INDEX_FL) && current.index.isEmpty();
    DirectoryBlocks.walk(
        volume,
        inode,
        (number, bytes) -> {
          if (!findings.isFull()) {
            checkBlock(current, number, bytes, isIndexBroken);
          }
        });
  }

  private Optional<HashIndex> index(StoredInode inode) throws IOException {
    if (!inode.has(StoredInode.INDEX_FL)) {
      return Optional.empty();
    }
    try {
      return Optional.of(HashIndex.load(volume, inode));
    } catch (UnreadableImageException e) {
      findings.add(e.finding());
      return Optional.empty();
    }
  }

  private void checkBlock(Current current, long number, byte[] bytes, boolean isIndexBroken)
      throws UnreadableImageException {
    String where = current.where() + ", block " + number;
    boolean isNode = current.index.map(index -> index.isNode(number)).orElse(false);
    if (verification.checksums().areKept() && !isIndexBroken) {
      if (isNode) {
        checkIndexSum(current, number, bytes, where);
      } else {
        checkLeafSum(current, bytes, where);
      }
    }
    List<DirectoryEntry> entries = DirectoryEntry.decode(volume, bytes, where);
    if (number == 0) {
      checkDots(current, entries, where);
    }
    for (DirectoryEntry entry : entries) {
      if (!(number == 0 && (entry.isDot() || entry.isDotDot()))) {
        checkEntry(current, entry, number, where);
      }
    }
  }

  private void checkLeafSum(Current current, byte[] bytes, String where) {
    int tail = bytes.length - MetadataChecksums.DIRECTORY_TAIL_BYTES;
    Fields f = new Fields(bytes, tail);
    boolean isTail =
        f.u32(0) == 0 && f.u16(4) == 12 && f.u8(6) == 0 && f.u8(7) == TAIL_TYPE; // det_reserved_ft
    if (!isTail) {
      findings.add(where, "has no tail for its checksum", "", "");
      return;
    }
    int expected = verification.checksums().directoryBlock(current.inode, bytes);
    findings.sameBits(where, "det_checksum", f.bits32(8), expected);
  }

  private void checkIndexSum(Current current, long number, byte[] bytes, String where) {
    int[] extent = current.index.orElseThrow().extent(number);
    int tail = extent[2];
    int expected = verification.checksums().indexBlock(current.inode, bytes, extent[1], tail);
    findings.sameBits(where, "dt_checksum", new Fields(bytes).bits32(tail + 4), expected);
  }

  private void checkDots(Current current, List<DirectoryEntry> entries, String where) {
    boolean hasDots = entries.size() >= 2 && entries.get(0).isDot() && entries.get(1).isDotDot();
    if (!hasDots) {
      findings.add(where, "does not begin with \".\" and \"..\"", "", "");
      return;
    }
    findings.same(where, "inode of \".\"", entries.get(0).ino(), current.pending.ino);
    findings.same(where, "inode of \"..\"", entries.get(1).ino(), current.pending.parentIno);
    checkFileType(entries.get(0), StoredInode.Type.DIRECTORY, where);
    checkFileType(entries.get(1), StoredInode.Type.DIRECTORY, where);
    verification.inodes().addName(current.pending.ino);
    verification.inodes().addName(current.pending.parentIno);
  }

  private void checkEntry(Current current, DirectoryEntry entry, long block, String where) {
    Name name;
    try {
      name = Name.of(entry.name());
    } catch (IllegalArgumentException e) {
      findings.add(where, "name that no file can have:", String.valueOf(e.getMessage()), "");
      return;
    }
    String path = current.pending.path + "/" + name;
    findings.require(current.names.add(name), where, "has twice the name", name, "");
    if (current.index.isPresent()) {
      HashIndex index = current.index.get();
      int hash = index.hash(entry.name());
      findings.require(
          index.leadsTo(hash, block),
          where,
          "the index does not lead to the name " + name + " by its hash",
          String.format("0x%08x", hash),
          "");
    }
    InodeUse inodes = verification.inodes();
    if (!inodes.contains(entry.ino())) {
      findings.add(path, "names an inode that is not in use:", entry.ino(), "");
      return;
    }
    inodes.addName(entry.ino());
    StoredInode.Type type = inodes.type(entry.ino());
    checkFileType(entry, type, path);
    boolean isLostFound = current.pending.path.isEmpty() && entry.text().equals(LOST_FOUND);
    hasLostFound |= isLostFound && type == StoredInode.Type.DIRECTORY;
    if (type == StoredInode.Type.DIRECTORY) {
      if (inodes.enter(entry.ino())) {
        String shown = path.length() > MAX_SHOWN_PATH ? "…" : path;
        pending.push(new Pending(entry.ino(), current.pending.ino, shown));
      } else {
        findings.add(path, "is a second name of a directory: inode", entry.ino(), "");
      }
    }
  }

  private void checkFileType(DirectoryEntry entry, StoredInode.Type type, String where) {
    if (superblock.hasIncompat(StoredSuperblock.INCOMPAT_FILETYPE)) {
      findings.same(where, "file_type of " + entry.text(), entry.fileType(), type.fileType());
    }
  }
}
