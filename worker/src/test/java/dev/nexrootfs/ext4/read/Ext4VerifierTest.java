package dev.nexrootfs.ext4.read;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.ext4.LayoutException;
import dev.nexrootfs.ext4.Trees;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Xattrs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** One field at a time is made wrong; each is found and named, behind a right checksum too. */
class Ext4VerifierTest {
  private static final long SB = 1024;

  /** What is changed. */
  @FunctionalInterface
  interface Edit {
    void apply(EditableImage image) throws IOException;
  }

  /**
   * One corruption.
   *
   * @param name what is wrong
   * @param found a part of the finding that names it
   */
  record Row(String name, String found, Edit edit) {
    @Override
    public String toString() {
      return name;
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
  void nothingIsFoundInOurImages(long seed) throws Exception {
    assertThat(Ext4Verifier.verify(Sources.of(Trees.random(seed), 64 << 20), 100)).isEmpty();
  }

  @ParameterizedTest(name = "{0} MiB")
  @ValueSource(longs = {1, 2, 7, 8, 129, 130, 1280, 20_480})
  void nothingIsFoundInImagesOfAnySize(long mebibytes) throws Exception {
    ImageSource image = Sources.of(Trees.random(42), mebibytes << 20);
    assertThat(Ext4Verifier.verify(image, 100)).isEmpty();
  }

  @Test
  void nothingIsFoundInTheImageOfTheMatrix() throws Exception {
    assertThat(Ext4Verifier.verify(ours(), 100)).isEmpty();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({
    "superblockRows",
    "groupRows",
    "bitmapRows",
    "backupRows",
    "inodeRows",
    "extentRows",
    "directoryRows",
    "attributeRows",
    "contentRows",
    "journalRows"
  })
  void eachCorruptionIsFoundAndNamed(Row row) throws Exception {
    EditableImage image = new EditableImage(ours());
    row.edit.apply(image);
    assertThat(Ext4Verifier.verify(image, 100))
        .extracting(Finding::toString)
        .anyMatch(text -> text.contains(row.found));
  }

  @Test
  void findingsEndAtTheirBound() throws Exception {
    EditableImage image = new EditableImage(ours());
    image.put(image.data("/", 0), new byte[4096]);
    assertThat(Ext4Verifier.verify(image, 3)).hasSize(3);
  }

  /** A tree of all that the rows change, in an image with a backup in group 1. */
  static ImageSource ours() throws LayoutException {
    FileTree tree = Trees.empty();
    Directory root = tree.root();
    Trees.file(tree, root, "small", 5);
    Trees.file(tree, root, "other", 9000);
    Trees.file(tree, root, "sparse", Trees.plain(), sparse(7));
    Directory dir = Trees.directory(tree, root, "dir");
    Trees.directory(tree, dir, "sub");
    Trees.file(tree, dir, "inner", 10);
    Trees.link(tree, root, "link", "target");
    Trees.link(tree, root, "longlink", "t".repeat(200));
    Trees.device(tree, root, "char", DeviceNode.Type.CHARACTER, 1, 3);
    root.put(Name.of("hard"), Trees.file(tree, root, "hard2", 7));
    Xattrs xattrs = Xattrs.of(Map.of("user.a", new byte[] {1, 2, 3}, "user.b", new byte[] {4, 5}));
    Trees.file(
        tree, root, "attrs", new Attributes(0644, 0, 0, Trees.TIME, xattrs), ByteContent.of(""));
    Directory many = Trees.directory(tree, root, "many");
    for (int i = 0; i < 60; i++) {
      Trees.file(tree, many, "entry-" + i, 0);
    }
    return Sources.of(tree, 140L << 20);
  }

  private static Content sparse(int extents) {
    Content data = Trees.content(extents * 8192L - 4096, 5);
    return new Content() {
      @Override
      public long size() {
        return data.size();
      }

      @Override
      public void read(long position, ByteBuffer target) throws IOException {
        data.read(position, target);
      }

      @Override
      public List<DataRange> dataRanges() {
        return IntStream.range(0, extents).mapToObj(i -> new DataRange(i * 8192L, 4096)).toList();
      }
    };
  }

  private static Row row(String name, String found, Edit edit) {
    return new Row(name, found, edit);
  }

  private static Row superblock(String name, String found, Edit edit) {
    return row(
        name,
        found,
        image -> {
          edit.apply(image);
          image.sealSuperblock();
        });
  }

  static Stream<Row> superblockRows() {
    return Stream.of(
        row("s_checksum", "superblock: s_checksum", i -> i.flip(SB + 0x3FC, 1)),
        row("a field without its checksum", "superblock: s_checksum", i -> i.flip(SB + 0x2C, 1)),
        superblock("s_free_blocks_count", "s_free_blocks_count", i -> i.add32(SB + 0x0C, 1)),
        superblock("s_free_inodes_count", "s_free_inodes_count", i -> i.add32(SB + 0x10, -1)),
        superblock("s_r_blocks_count", "s_r_blocks_count", i -> i.put32(SB + 0x08, 99_999)),
        superblock("s_state not clean", "s_state", i -> i.put16(SB + 0x3A, 0)),
        superblock("s_state with errors", "s_state", i -> i.put16(SB + 0x3A, 3)),
        superblock("s_errors", "s_errors", i -> i.put16(SB + 0x3C, 9)),
        superblock("s_creator_os", "s_creator_os", i -> i.put32(SB + 0x48, 9)),
        superblock("s_block_group_nr", "s_block_group_nr", i -> i.put16(SB + 0x5A, 1)),
        superblock("unknown feature", "unknown features", i -> i.put32(SB + 0x5C, 0x8000002C)),
        superblock("metadata_csum with uninit_bg", "uninit_bg", i -> i.put32(SB + 0x64, 0x47B)),
        superblock("needs_recovery", "needs recovery", i -> i.put32(SB + 0x60, 0x22C6)),
        superblock("s_uuid unlike the backups", "s_uuid", i -> i.flip(SB + 0x68, 1)),
        superblock(
            "s_reserved_gdt_blocks without resize_inode",
            "s_reserved_gdt_blocks",
            i -> i.put16(SB + 0xCE, 5)),
        superblock("s_journal_uuid", "s_journal_uuid", i -> i.put8(SB + 0xD0, 1)),
        superblock("s_journal_inum 0", "s_journal_inum", i -> i.put32(SB + 0xE0, 0)),
        superblock("s_journal_dev", "s_journal_dev", i -> i.put32(SB + 0xE4, 7)),
        superblock("s_last_orphan", "s_last_orphan", i -> i.put32(SB + 0xE8, 12)),
        superblock("s_def_hash_version", "s_def_hash_version", i -> i.put8(SB + 0xFC, 9)),
        superblock("s_jnl_backup_type", "s_jnl_backup_type", i -> i.put8(SB + 0xFD, 0)),
        superblock("s_jnl_blocks", "s_jnl_blocks is not", i -> i.flip(SB + 0x10C, 1)),
        superblock("s_jnl_blocks size", "s_jnl_blocks[15..16]", i -> i.add32(SB + 0x14C, 4096)),
        superblock("s_min_extra_isize", "s_min_extra_isize", i -> i.put16(SB + 0x15C, 200)),
        superblock("s_want_extra_isize", "s_want_extra_isize", i -> i.put16(SB + 0x15E, 33)),
        superblock("no hash signedness", "signedness", i -> i.put32(SB + 0x160, 0)),
        superblock("both hash signednesses", "signedness", i -> i.put32(SB + 0x160, 3)),
        superblock("s_log_groups_per_flex", "s_log_groups_per_flex", i -> i.put8(SB + 0x174, 31)),
        superblock("s_checksum_type", "s_checksum_type", i -> i.put8(SB + 0x175, 0)),
        superblock("s_error_count", "s_error_count", i -> i.put32(SB + 0x194, 1)),
        superblock("s_overhead_clusters", "s_overhead_clusters", i -> i.add32(SB + 0x248, 1)),
        superblock("s_overhead_clusters 0", "s_overhead_clusters", i -> i.put32(SB + 0x248, 0)),
        superblock("s_checksum_seed", "group 0: bg_checksum", i -> i.flip(SB + 0x270, 1)));
  }

  private static Row group(String name, String found, Edit edit) {
    return row(
        name,
        found,
        image -> {
          edit.apply(image);
          image.sealGroup(0);
        });
  }

  static Stream<Row> groupRows() {
    return Stream.of(
        row("bg_checksum", "group 1: bg_checksum", i -> i.flip(i.descriptor(1, 0) + 0x1E, 1)),
        group("bg_free_blocks_count", "bg_free_blocks", i -> i.add16(i.descriptor(0, 0) + 0x0C, 1)),
        group("bg_free_inodes_count", "bg_free_inodes", i -> i.add16(i.descriptor(0, 0) + 0x0E, 1)),
        group(
            "bg_used_dirs_count", "bg_used_dirs_count", i -> i.add16(i.descriptor(0, 0) + 0x10, 1)),
        group("bg_itable_unused", "bg_itable_unused", i -> i.add16(i.descriptor(0, 0) + 0x1C, 1)),
        group("bg_flags", "bg_flags", i -> i.put16(i.descriptor(0, 0) + 0x12, 0x84)),
        group("INODE_UNINIT", "bg_itable_unused calls", i -> i.put16(i.descriptor(0, 0) + 0x12, 5)),
        group(
            "BLOCK_UNINIT", "block bitmap: calls free", i -> i.put16(i.descriptor(0, 0) + 0x12, 6)),
        group(
            "bg_block_bitmap elsewhere",
            "uses a block that something else uses",
            i -> i.add32(i.descriptor(0, 0), 1)),
        group(
            "bg_inode_bitmap past the end",
            "bg_inode_bitmap: points to block",
            i -> i.put32(i.descriptor(0, 0) + 4, 0x7FFF_FFFF)),
        group("bg_inode_table shifted", "root", i -> i.add32(i.descriptor(0, 0) + 8, 1)),
        group(
            "bg_inode_table past the end",
            "bg_inode_table: points",
            i -> i.put32(i.descriptor(0, 0) + 0x28, 7)),
        group(
            "bg_block_bitmap_csum",
            "bg_block_bitmap_csum",
            i -> i.flip(i.descriptor(0, 0) + 0x38, 1)),
        group(
            "bg_inode_bitmap_csum",
            "bg_inode_bitmap_csum",
            i -> i.flip(i.descriptor(0, 0) + 0x1A, 1)));
  }

  private static Row bitmap(String name, String found, int group, Edit edit) {
    return row(
        name,
        found,
        image -> {
          edit.apply(image);
          image.sealBitmaps(group);
        });
  }

  private static long blockBitmap(EditableImage image, int group) throws IOException {
    return image.block(image.group(group).blockBitmap());
  }

  private static long inodeBitmap(EditableImage image, int group) throws IOException {
    return image.block(image.group(group).inodeBitmap());
  }

  static Stream<Row> bitmapRows() {
    return Stream.of(
        row(
            "block bitmap without its checksum",
            "bg_block_bitmap_csum",
            i -> i.flip(blockBitmap(i, 0) + 4000, 1)),
        row(
            "inode bitmap without its checksum",
            "bg_inode_bitmap_csum",
            i -> i.flip(inodeBitmap(i, 0), 1)),
        bitmap(
            "used block called free",
            "calls free what is in use: block 0",
            0,
            i -> i.flip(blockBitmap(i, 0), 1)),
        bitmap(
            "free block called used",
            "calls used what nothing uses: block 32000",
            0,
            i -> i.flip(blockBitmap(i, 0) + 4000, 1)),
        bitmap(
            "block bitmap's padding",
            "group 1: block bitmap: padding",
            1,
            i -> i.flip(blockBitmap(i, 1) + 4095, 0x80)),
        bitmap(
            "used inode called free",
            "calls free what is in use: inode 2",
            0,
            i -> i.flip(inodeBitmap(i, 0), 2)),
        bitmap(
            "reserved inode called free",
            "calls free what is in use: inode 1",
            0,
            i -> i.flip(inodeBitmap(i, 0), 1)),
        bitmap(
            "free inode called used",
            "calls used what is not in use: inode",
            0,
            i -> i.flip(inodeBitmap(i, 0) + 1000, 1)),
        bitmap(
            "inode bitmap's padding",
            "group 0: inode bitmap: padding",
            0,
            i -> i.flip(inodeBitmap(i, 0) + 4095, 0x80)));
  }

  private static Row backup(String name, String found, Edit edit) {
    return row(
        name,
        "backup superblock of group 1: " + found,
        image -> {
          edit.apply(image);
          image.sealSuperblockAt(image.backup(1));
        });
  }

  static Stream<Row> backupRows() {
    return Stream.of(
        row(
            "backup's checksum",
            "backup superblock of group 1: s_checksum",
            i -> i.flip(i.backup(1) + 0x3FC, 1)),
        backup("backup's s_blocks_count", "s_blocks_count_lo", i -> i.add32(i.backup(1) + 4, 1)),
        backup(
            "backup's s_block_group_nr", "s_block_group_nr", i -> i.put16(i.backup(1) + 0x5A, 0)),
        backup("backup's features", "s_feature_incompat", i -> i.put32(i.backup(1) + 0x60, 0x42)),
        backup("backup's seed", "s_checksum_seed", i -> i.flip(i.backup(1) + 0x270, 1)),
        row("no backup", "s_magic", i -> i.put(i.backup(1), new byte[4096])),
        row(
            "backup descriptor's checksum",
            "backup of descriptor 0 in group 1: bg_checksum",
            i -> i.flip(i.descriptor(0, 1) + 0x0C, 1)),
        row(
            "backup descriptor's table",
            "backup of descriptor 0 in group 1: bg_inode_table",
            i -> {
              i.add32(i.descriptor(0, 1) + 8, 1);
              i.sealGroupAt(0, i.descriptor(0, 1));
            }));
  }

  private static Row inode(String name, String path, String found, Edit edit) {
    return row(
        name,
        found,
        image -> {
          edit.apply(image);
          image.sealInode(path);
        });
  }

  static Stream<Row> inodeRows() {
    return Stream.of(
        row("i_checksum", "i_checksum", i -> i.flip(i.inode("/small") + 0x7C, 1)),
        row("i_mtime without its checksum", "i_checksum", i -> i.flip(i.inode("/small") + 0x10, 1)),
        inode("i_mode of no type", "/small", "i_mode", i -> i.put16(i.inode("/small"), 0644)),
        inode(
            "i_mode of another type",
            "/small",
            "file_type of small",
            i -> i.put16(i.inode("/small"), 0xC1A4)),
        inode(
            "i_uid 2^32-1",
            "/small",
            "i_uid",
            i -> i.put16(i.inode("/small") + 2, 0xFFFF).put16(i.inode("/small") + 0x78, 0xFFFF)),
        inode(
            "i_links_count of a file",
            "/hard",
            "i_links_count 3",
            i -> i.add16(i.inode("/hard") + 0x1A, 1)),
        inode(
            "i_links_count of a directory",
            "/dir",
            "i_links_count 2",
            i -> i.add16(i.inode("/dir") + 0x1A, -1)),
        inode(
            "i_links_count 0",
            "/small",
            "names an inode that is not in use",
            i -> i.put16(i.inode("/small") + 0x1A, 0)),
        inode(
            "i_blocks of a file",
            "/small",
            "i_blocks 16",
            i -> i.add32(i.inode("/small") + 0x1C, 8)),
        inode(
            "i_blocks of a link", "/link", "i_blocks 8", i -> i.put32(i.inode("/link") + 0x1C, 8)),
        inode(
            "i_blocks of a device",
            "/char",
            "i_blocks 8",
            i -> i.put32(i.inode("/char") + 0x1C, 8)),
        inode(
            "i_size of a directory",
            "/dir",
            "i_size of a directory",
            i -> i.put32(i.inode("/dir") + 4, 4095)),
        inode(
            "i_size before the last block",
            "/other",
            "has blocks past its end",
            i -> i.put32(i.inode("/other") + 4, 4096)),
        inode(
            "i_size past 2^32 blocks",
            "/small",
            "i_size",
            i -> i.put32(i.inode("/small") + 0x6C, 0x7FFF_FFFF)),
        inode(
            "i_size of a short link",
            "/link",
            "i_size of a symbolic link 7",
            i -> i.put32(i.inode("/link") + 4, 7)),
        inode(
            "i_size of a device",
            "/char",
            "i_size of a device",
            i -> i.put32(i.inode("/char") + 4, 1)),
        inode(
            "bytes after a short link",
            "/link",
            "bytes after the target",
            i -> i.put8(i.inode("/link") + 0x50, 1)),
        inode("i_dtime", "/small", "i_dtime", i -> i.put32(i.inode("/small") + 0x14, 1)),
        inode(
            "i_extra_isize too large",
            "/small",
            "i_extra_isize 200",
            i -> i.put16(i.inode("/small") + 0x80, 200)),
        inode(
            "i_extra_isize too small",
            "/small",
            "at least s_min_extra_isize",
            i -> i.put16(i.inode("/small") + 0x80, 8)),
        inode(
            "a second of nanoseconds",
            "/small",
            "i_mtime_extra",
            i -> i.put32(i.inode("/small") + 0x88, 0xFFFF_FFFCL)),
        inode(
            "a second of nanoseconds of birth",
            "/small",
            "i_crtime_extra",
            i -> i.put32(i.inode("/small") + 0x94, 0xFFFF_FFFCL)),
        inode(
            "INDEX_FL on a linear directory",
            "/dir",
            "index root",
            i -> i.flip(i.inode("/dir") + 0x21, 0x10)),
        inode(
            "INDEX_FL on a file",
            "/small",
            "INDEX_FL on what",
            i -> i.flip(i.inode("/small") + 0x21, 0x10)),
        inode(
            "EXTENTS_FL missing",
            "/small",
            "points to block",
            i -> i.put32(i.inode("/small") + 0x20, 0)),
        inode(
            "INLINE_DATA_FL",
            "/small",
            "inline data",
            i -> i.put32(i.inode("/small") + 0x20, 0x10000000L)),
        row(
            "bytes in an unused inode",
            "is unused and not zero",
            i -> i.put8(i.inode(4000) + 9, 1)),
        row(
            "root that is no directory",
            "the root directory is missing",
            i -> {
              i.put16(i.inode(2), 0x81A4);
              i.sealInode(2);
            }));
  }

  private static Row extents(String name, String found, Edit edit) {
    return row(
        name,
        found,
        image -> {
          edit.apply(image);
          image.sealExtents("/sparse");
          image.sealInode("/sparse");
        });
  }

  static Stream<Row> extentRows() {
    return Stream.of(
        row("et_checksum", "et_checksum", i -> i.flip(i.extentBlock("/sparse") + 4092, 1)),
        row(
            "extents without their checksum",
            "et_checksum",
            i -> i.flip(i.extentBlock("/sparse") + 4000, 1)),
        extents("eh_magic", "eh_magic", i -> i.flip(i.extentBlock("/sparse"), 1)),
        extents("eh_entries", "eh_entries 341", i -> i.put16(i.extentBlock("/sparse") + 2, 341)),
        extents("eh_entries 0", "eh_entries 0", i -> i.put16(i.extentBlock("/sparse") + 2, 0)),
        extents("eh_max too large", "eh_max", i -> i.put16(i.extentBlock("/sparse") + 4, 341)),
        extents("eh_max too small", "eh_max 339", i -> i.put16(i.extentBlock("/sparse") + 4, 339)),
        extents("eh_max of the root", "eh_max", i -> i.put16(i.inode("/sparse") + 0x2C, 3)),
        extents("eh_depth", "eh_depth", i -> i.put16(i.extentBlock("/sparse") + 6, 1)),
        extents("eh_depth of the root", "eh_depth", i -> i.put16(i.inode("/sparse") + 0x2E, 6)),
        extents(
            "first block unlike its parent's",
            "first logical block",
            i -> i.put32(i.extentBlock("/sparse") + 12, 1)),
        extents(
            "ee_block out of order",
            "entry 2: logical block",
            i -> i.put32(i.extentBlock("/sparse") + 36, 1)),
        extents("ee_len 0", "ee_len 0", i -> i.put16(i.extentBlock("/sparse") + 28, 0)),
        extents(
            "ee_len into the next extent",
            "logical block",
            i -> i.put16(i.extentBlock("/sparse") + 28, 3)),
        extents(
            "ee_start past the end",
            "points to block",
            i -> i.put32(i.extentBlock("/sparse") + 32, 0x7FFF_FFFF)),
        extents(
            "ee_start in the inode table",
            "uses a block that something else uses",
            i -> i.put32(i.extentBlock("/sparse") + 32, i.group(0).inodeTable())),
        extents(
            "ee_start of another file",
            "uses a block that something else uses",
            i -> i.put32(i.extentBlock("/sparse") + 32, i.data("/small", 0) / 4096)),
        extents(
            "ei_leaf of the tree's own block",
            "uses a block that something else uses",
            i -> i.put32(i.inode("/sparse") + 0x38, i.data("/small", 0) / 4096)));
  }

  private static Row directory(String name, String path, String found, Edit edit) {
    return row(
        name,
        found,
        image -> {
          edit.apply(image);
          image.sealDirectory(path, 0);
        });
  }

  static Stream<Row> directoryRows() {
    return Stream.of(
        row("det_checksum", "det_checksum", i -> i.flip(i.data("/dir", 0) + 4095, 1)),
        row(
            "a name without its checksum",
            "det_checksum",
            i -> i.flip(i.entry("/dir/inner") + 8, 1)),
        row("no tail", "has no tail", i -> i.put8(i.data("/dir", 0) + 4091, 0)),
        directory("rec_len 0", "/dir", "rec_len 0", i -> i.put16(i.entry("/dir/inner") + 4, 0)),
        directory(
            "rec_len past the block",
            "/dir",
            "rec_len",
            i -> i.put16(i.entry("/dir/inner") + 4, 8000)),
        directory(
            "rec_len no multiple of 4",
            "/dir",
            "rec_len 18",
            i -> i.put16(i.entry("/dir/inner") + 4, 18)),
        directory("name_len 0", "/dir", "name_len 0", i -> i.put8(i.entry("/dir/inner") + 6, 0)),
        directory(
            "name_len past rec_len",
            "/dir",
            "name_len",
            i -> i.put8(i.entry("/dir/inner") + 6, 200)),
        directory(
            "file_type", "/dir", "file_type of inner", i -> i.put8(i.entry("/dir/inner") + 7, 2)),
        directory(
            "inode past the end",
            "/dir",
            "inode 99999999",
            i -> i.put32(i.entry("/dir/inner"), 99_999_999)),
        directory(
            "inode that is not in use",
            "/dir",
            "names an inode that is not in use",
            i -> i.put32(i.entry("/dir/inner"), 5000)),
        directory(
            "reserved inode",
            "/dir",
            "is reserved and has a name",
            i -> i.put32(i.entry("/dir/inner"), 8)),
        directory(
            "entry removed",
            "/dir",
            "no directory names it",
            i -> i.put32(i.entry("/dir/inner"), 0)),
        directory(
            "name with a slash",
            "/dir",
            "name that no file can have",
            i -> i.put8(i.entry("/dir/inner") + 9, '/')),
        directory(
            "name with NUL",
            "/dir",
            "name that no file can have",
            i -> i.put8(i.entry("/dir/inner") + 9, 0)),
        directory(
            "name twice", "/", "has twice the name hard", i -> i.put8(i.entry("/hard2") + 6, 4)),
        directory(
            "directory with two names",
            "/",
            "second name of a directory",
            i -> i.put32(i.entry("/small"), i.file("/dir").ino())),
        directory(
            "directory in itself",
            "/dir",
            "second name of a directory",
            i -> i.put32(i.entry("/dir/sub"), i.file("/dir").ino())),
        directory("\".\" of another", "/dir", "inode of \".\"", i -> i.put32(i.data("/dir", 0), 2)),
        directory(
            "\"..\" of another",
            "/dir",
            "inode of \"..\"",
            i -> i.put32(i.data("/dir", 0) + 12, 11)),
        directory(
            "no \"..\"",
            "/dir",
            "does not begin with",
            i -> i.put8(i.data("/dir", 0) + 12 + 9, 'x')),
        directory(
            "no lost+found",
            "/",
            "/lost+found: is missing",
            i -> i.put8(i.entry("/lost+found") + 8, 'L')));
  }

  /** Where the first entry of the attributes in an inode stands. */
  private static long attribute(EditableImage image, int index) throws IOException {
    return image.inode("/attrs") + 128 + 32 + 4 + 20L * index;
  }

  static Stream<Row> attributeRows() {
    String p = "/attrs";
    return Stream.of(
        inode("e_name_index", p, "e_name_index 13", i -> i.put8(attribute(i, 0) + 1, 13)),
        inode("e_name_len", p, "attributes", i -> i.put8(attribute(i, 0), 200)),
        inode("e_value_offs in the names", p, "e_value_offs", i -> i.put16(attribute(i, 0) + 2, 4)),
        inode(
            "e_value_offs of the other",
            p,
            "overlaps",
            i -> i.put16(attribute(i, 0) + 2, 96 - 4 - 8)),
        inode("e_value_size", p, "e_value_size", i -> i.put32(attribute(i, 0) + 8, 0x7FFF_FFFF)),
        inode("e_value_inum", p, "value is in an inode", i -> i.put32(attribute(i, 0) + 4, 12)),
        inode("e_hash", p, "e_hash of user.a", i -> i.put32(attribute(i, 0) + 12, 99)),
        inode("name twice", p, "has twice the name user.a", i -> i.put8(attribute(i, 1) + 16, 'a')),
        inode("i_file_acl of nothing", p, "h_magic", i -> i.put32(i.inode(p) + 0x68, 30_000)),
        inode(
            "i_file_acl past the end",
            p,
            "points to block",
            i -> i.put32(i.inode(p) + 0x68, 0x7FFF_FFFF)));
  }

  static Stream<Row> contentRows() {
    return Stream.of(
        row(
            "bytes past the end of a file",
            "has bytes after its end",
            i -> i.put8(i.data("/small", 0) + 4095, 1)),
        row(
            "byte just past the end of a file",
            "has bytes after its end",
            i -> i.put8(i.data("/small", 0) + 5, 1)),
        row(
            "bytes past the end of a link",
            "has bytes after its end",
            i -> i.put8(i.data("/longlink", 0) + 300, 1)),
        row(
            "bytes in a free block",
            "has bytes in a free block, block 32000",
            i -> i.put8(i.block(32_000) + 77, 1)),
        row(
            "bytes in the last free block",
            "has bytes in a free block",
            i -> i.put8(i.size() - 1, 1)));
  }

  static Stream<Row> journalRows() {
    return Stream.of(
        row("h_magic", "journal superblock: h_magic", i -> i.put8(i.journal(), 0)),
        row("h_blocktype", "h_blocktype", i -> i.put8(i.journal() + 7, 9)),
        row("s_blocksize", "s_blocksize", i -> i.put8(i.journal() + 0x0E, 1)),
        row("s_maxlen", "s_maxlen", i -> i.put8(i.journal() + 0x10, 1)),
        row("s_first", "s_first", i -> i.put8(i.journal() + 0x17, 9)),
        row("s_start", "s_start", i -> i.put8(i.journal() + 0x1F, 1)),
        row("s_errno", "s_errno", i -> i.put8(i.journal() + 0x23, 1)),
        row("s_feature_incompat", "s_feature_incompat", i -> i.put8(i.journal() + 0x28, 1)),
        row("s_nr_users", "s_nr_users", i -> i.put8(i.journal() + 0x43, 0)),
        row(
            "i_size of the journal",
            "journal, inode 8: i_size",
            i -> {
              i.add32(i.inode(8) + 4, -5);
              i.sealInode(8);
            }));
  }
}
