package dev.nexrootfs.ext4.read;

import java.util.ArrayList;
import java.util.List;

/** The names of the features, as mke2fs and ext4(5) have them, by bit. */
final class Features {
  private static final String[] COMPAT = {
    "dir_prealloc",
    "imagic_inodes",
    "has_journal",
    "ext_attr",
    "resize_inode",
    "dir_index",
    "lazy_bg",
    "snapshot_bitmap",
    "exclude_bitmap",
    "sparse_super2",
    "fast_commit",
    "stable_inodes",
    "orphan_file"
  };
  private static final String[] INCOMPAT = {
    "compression", "filetype", "needs_recovery", "journal_dev", "meta_bg", "", "extent", "64bit",
    "mmp", "flex_bg", "ea_inode", "", "dirdata", "metadata_csum_seed", "large_dir", "inline_data",
    "encrypt", "casefold"
  };
  private static final String[] RO_COMPAT = {
    "sparse_super",
    "large_file",
    "btree_dir",
    "huge_file",
    "uninit_bg",
    "dir_nlink",
    "extra_isize",
    "has_snapshot",
    "quota",
    "bigalloc",
    "metadata_csum",
    "replica",
    "read-only",
    "project",
    "shared_blocks",
    "verity",
    "orphan_present"
  };

  /** What we read of {@code s_feature_incompat}; inline_data and ea_inode up to the inode. */
  private static final int READ_INCOMPAT =
      StoredSuperblock.INCOMPAT_FILETYPE
          | StoredSuperblock.INCOMPAT_RECOVER
          | StoredSuperblock.INCOMPAT_META_BG
          | StoredSuperblock.INCOMPAT_EXTENTS
          | StoredSuperblock.INCOMPAT_64BIT
          | StoredSuperblock.INCOMPAT_MMP
          | StoredSuperblock.INCOMPAT_FLEX_BG
          | 0x400 //  ea_inode
          | StoredSuperblock.INCOMPAT_CSUM_SEED
          | StoredSuperblock.INCOMPAT_LARGEDIR
          | 0x8000; // inline_data

  private Features() {}

  /** All features of {@code superblock}, by name. */
  static List<String> names(StoredSuperblock superblock) {
    List<String> names = new ArrayList<>();
    add(names, COMPAT, superblock.compat(), "compat");
    add(names, INCOMPAT, superblock.incompat(), "incompat");
    add(names, RO_COMPAT, superblock.roCompat(), "ro_compat");
    return names;
  }

  /** Those that keep us from reading the image. */
  static List<String> unreadable(StoredSuperblock superblock) {
    List<String> names = new ArrayList<>();
    add(names, INCOMPAT, superblock.incompat() & ~READ_INCOMPAT, "incompat");
    add(names, RO_COMPAT, superblock.roCompat() & StoredSuperblock.RO_COMPAT_BIGALLOC, "ro_compat");
    return names;
  }

  private static void add(List<String> names, String[] known, int word, String wordName) {
    for (int bit = 0; bit < Integer.SIZE; bit++) {
      if ((word & 1 << bit) != 0) {
        boolean named = bit < known.length && !known[bit].isEmpty();
        names.add(named ? known[bit] : String.format("%s 0x%x", wordName, 1L << bit));
      }
    }
  }
}
