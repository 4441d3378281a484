package dev.nexrootfs.ext4.read;

import dev.nexrootfs.tree.Name;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A superblock in words. */
final class SuperblockWords {
  private static final int STATE_CLEAN = 1;
  private static final int STATE_ERRORS = 2;

  private final Volume volume;
  private final StoredSuperblock s;
  private final BlockGroups groups;
  private final List<String> lines = new ArrayList<>();

  SuperblockWords(Volume volume) {
    this.volume = volume;
    this.s = volume.superblock();
    this.groups = volume.groups();
  }

  /** The lines, each a name and what it is. */
  List<String> lines() throws IOException {
    long bytes = groups.blocks() * groups.blockSize();
    line(
        "size",
        bytes
            + " bytes, "
            + size((double) bytes)
            + ": "
            + groups.blocks()
            + " blocks of "
            + groups.blockSize());
    line(
        "free",
        s.freeBlocks()
            + " blocks, "
            + size((double) s.freeBlocks() * groups.blockSize())
            + (s.reservedBlocks() == 0 ? "" : ", of which " + s.reservedBlocks() + " for root")
            + "; overhead "
            + s.overheadClusters()
            + " blocks");
    line(
        "inodes", s.inodes() + " of " + groups.inodeSize() + " bytes, " + s.freeInodes() + " free");
    line(
        "groups",
        groups.count()
            + " of "
            + groups.blocksPerGroup()
            + " blocks and "
            + groups.inodesPerGroup()
            + " inodes, "
            + (1L << Math.min(s.logGroupsPerFlex(), 31))
            + " to a flex group, descriptors of "
            + groups.descriptorBytes()
            + " bytes");
    line("uuid", s.uuid().toString());
    if (s.volumeName().length > 0) {
      line("label", Name.text(s.volumeName()));
    }
    if (s.lastMounted().length > 0) {
      line("mounted at", Name.text(s.lastMounted()));
    }
    line("features", String.join(" ", Features.names(s)));
    line("state", state());
    line("journal", journal());
    line("growth", growth());
    line("hash", hash());
    line("made", time(s.mkfsTime()));
    line("written", time(s.writeTime()));
    line("checked", time(s.checkTime()));
    line(
        "mounted",
        s.mounts() == 0 ? "never since" : time(s.mountTime()) + ", " + s.mounts() + " times since");
    return lines;
  }

  private String state() {
    int state = s.state();
    String text =
        (state & STATE_CLEAN) != 0 ? "clean" : "not clean: mounted, or not unmounted properly";
    if ((state & STATE_ERRORS) != 0) {
      text += ", with errors";
    }
    return text + (s.errorCount() == 0 ? "" : ", " + s.errorCount() + " errors recorded");
  }

  private String journal() throws IOException {
    if (!s.hasCompat(StoredSuperblock.COMPAT_HAS_JOURNAL)) {
      return "none";
    }
    if (s.journalIno() == 0) {
      return "on another device";
    }
    long size = volume.inode(s.journalIno(), "superblock: s_journal_inum").size();
    return "inode "
        + s.journalIno()
        + ", "
        + size((double) size)
        + (s.hasIncompat(StoredSuperblock.INCOMPAT_RECOVER) ? ", needs recovery" : ", empty");
  }

  private String growth() {
    int reserved = s.reservedGdtBlocks();
    if (!s.hasCompat(StoredSuperblock.COMPAT_RESIZE_INODE) || reserved == 0) {
      return "no reserved descriptors; the kernel converts to meta_bg to grow";
    }
    long most =
        ((long) groups.joinedDescriptorBlocks() + reserved)
            * groups.descriptorsPerBlock()
            * groups.blocksPerGroup();
    return reserved
        + " blocks of reserved descriptors: to "
        + size((double) most * groups.blockSize());
  }

  private String hash() {
    String[] versions = {"legacy", "half_md4", "tea"};
    int version = s.defaultHashVersion();
    String sign =
        (s.flags() & StoredSuperblock.FLAG_SIGNED_HASH) != 0
            ? ", signed"
            : (s.flags() & StoredSuperblock.FLAG_UNSIGNED_HASH) != 0 ? ", unsigned" : ", unmarked";
    return (version < versions.length ? versions[version] : "unknown " + version) + sign;
  }

  private static String time(Instant time) {
    return time.getEpochSecond() == 0 ? "not set" : time.toString();
  }

  private static String size(double bytes) {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    return unit == 0
        ? (long) bytes + " B"
        : String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
  }

  private void line(String name, String text) {
    lines.add(String.format(Locale.ROOT, "%-11s%s", name, text));
  }
}
