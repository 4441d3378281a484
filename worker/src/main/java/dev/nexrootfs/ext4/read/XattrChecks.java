package dev.nexrootfs.ext4.read;

import dev.nexrootfs.ext4.ondisk.PosixAcl;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;

/**
 * Checks extended attributes. Their order matters: the kernel's search for a name in a block ends
 * where a later one stands.
 */
final class XattrChecks {
  private final Verification verification;
  private final Volume volume;
  private final Findings findings;
  private final Map<Long, Share> shares = new HashMap<>();

  /** A block of attributes, and how many inodes name it. */
  private static final class Share {
    private final long refcount;
    private long inodes;

    Share(long refcount) {
      this.refcount = refcount;
    }
  }

  XattrChecks(Verification verification) {
    this.verification = verification;
    this.volume = verification.volume();
    this.findings = verification.findings();
  }

  /** Checks the attributes of {@code inode}; how many blocks it has for them. */
  int check(StoredInode inode) throws IOException {
    List<StoredXattr> inInode = StoredXattr.inInode(inode);
    String where = inode.where() + ": attributes";
    checkEntries(inInode, where);
    for (StoredXattr entry : inInode) {
      findings.require(
          entry.hash() == 0 || isHash(entry),
          where,
          "e_hash of " + entry.fullName(where),
          entry.hash(),
          "");
    }
    long block = inode.fileAcl();
    if (block == 0) {
      return 0;
    }
    Share known = shares.get(block);
    if (known == null) {
      known = checkBlock(inode, block);
      shares.put(block, known);
    }
    known.inodes++;
    return 1;
  }

  /** Compares how often blocks are named with what they say; to be called after all inodes. */
  void checkShares() {
    new TreeMap<>(shares)
        .forEach(
            (block, share) ->
                findings.same(
                    "attribute block " + block, "h_refcount", share.refcount, share.inodes));
  }

  private Share checkBlock(StoredInode inode, long number) throws IOException {
    String where = inode.where() + ": attribute block " + number;
    byte[] block = volume.block(number, where);
    verification.use(number, 1, where);
    Fields f = new Fields(block);
    if (verification.checksums().areKept()) {
      findings.sameBits(
          where,
          "h_checksum",
          f.bits32(0x10), //                                    h_checksum
          verification.checksums().xattrBlock(number, block));
    }
    List<StoredXattr> entries = StoredXattr.inBlock(volume, inode);
    checkEntries(entries, where);
    checkOrder(entries, where);
    int all = 0;
    boolean hashed = true;
    for (StoredXattr entry : entries) {
      findings.require(
          isHash(entry),
          where,
          "e_hash of " + entry.fullName(where),
          hex(entry.hash()),
          hex(hash(entry, false)));
      all = Integer.rotateLeft(all, 16) ^ entry.hash();
      hashed &= entry.hash() != 0;
    }
    int stored = f.bits32(0x0C); //                             h_hash
    // 0 says that the block is not to be shared, as mke2fs writes it.
    findings.sameBits(where, "h_hash", stored, stored == 0 || !hashed ? 0 : all);
    return new Share(f.u32(0x04)); //                           h_refcount
  }

  private void checkEntries(List<StoredXattr> entries, String where)
      throws UnreadableImageException {
    Set<String> names = new HashSet<>();
    TreeMap<Integer, Integer> values = new TreeMap<>();
    for (StoredXattr entry : entries) {
      String name = entry.fullName(where);
      findings.require(names.add(name), where, "has twice the name", name, "");
      if (entry.value().length > 0) {
        checkOverlap(values, entry, where, name);
      }
      if (entry.isAcl()) {
        checkAcl(entry, where, name);
      }
    }
  }

  private void checkOverlap(
      NavigableMap<Integer, Integer> values, StoredXattr entry, String where, String name) {
    int start = entry.valueOffset();
    int end = start + entry.value().length;
    Map.Entry<Integer, Integer> before = values.lowerEntry(end);
    findings.require(
        before == null || before.getValue() <= start,
        where,
        "e_value_offs of " + name + ": the value overlaps another, at",
        start,
        "");
    values.merge(start, end, Math::max);
  }

  private void checkAcl(StoredXattr entry, String where, String name)
      throws UnreadableImageException {
    byte[] xattr = entry.valueForPrograms(where);
    try {
      findings.require(
          Arrays.equals(PosixAcl.toDisk(xattr), entry.value()),
          where,
          name + " is not as ext4 stores it",
          "",
          "");
    } catch (IllegalArgumentException e) {
      findings.add(where, name + ":", String.valueOf(e.getMessage()), "");
    }
  }

  private void checkOrder(List<StoredXattr> entries, String where) throws UnreadableImageException {
    for (int i = 1; i < entries.size(); i++) {
      if (compare(entries.get(i - 1), entries.get(i)) > 0) {
        findings.add(
            where,
            "entries are out of order: " + entries.get(i).fullName(where) + " after",
            entries.get(i - 1).fullName(where),
            "by e_name_index, e_name_len, e_name");
        return;
      }
    }
  }

  private static int compare(StoredXattr a, StoredXattr b) {
    if (a.nameIndex() != b.nameIndex()) {
      return Integer.compare(a.nameIndex(), b.nameIndex());
    }
    if (a.name().length != b.name().length) {
      return Integer.compare(a.name().length, b.name().length);
    }
    return Arrays.compareUnsigned(a.name(), b.name());
  }

  /** Kernels before 6.2 took the name's bytes as signed ones on some machines. */
  private static boolean isHash(StoredXattr entry) {
    return entry.hash() == hash(entry, false) || entry.hash() == hash(entry, true);
  }

  private static int hash(StoredXattr entry, boolean signed) {
    int hash = 0;
    for (byte b : entry.name()) {
      hash = Integer.rotateLeft(hash, 5) ^ (signed ? b : b & 0xFF);
    }
    byte[] padded = Arrays.copyOf(entry.value(), (entry.value().length + 3) & ~3);
    Fields words = new Fields(padded);
    for (int at = 0; at < padded.length; at += 4) {
      hash = Integer.rotateLeft(hash, 16) ^ words.bits32(at);
    }
    return hash;
  }

  private static String hex(int value) {
    return String.format("0x%08x", value);
  }
}
