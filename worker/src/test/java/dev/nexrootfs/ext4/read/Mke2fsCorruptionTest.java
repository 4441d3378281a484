package dev.nexrootfs.ext4.read;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.ext4.read.Ext4VerifierTest.Edit;
import dev.nexrootfs.ext4.read.Ext4VerifierTest.Row;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Mke2fs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The corruptions that need an index, a block of attributes, an ACL or a resize inode. */
class Mke2fsCorruptionTest {
  private static final String MANY = "/many";
  private static final String ATTRIBUTES = "/attributes";

  @TempDir static Path directory;
  private static byte[] image = new byte[0];

  @BeforeAll
  static void makeImage() throws Exception {
    Command.require("mke2fs");
    Command.require("setfattr");
    Command.require("setfacl");
    org.junit.jupiter.api.Assumptions.assumeTrue(
        Command.of("id", "-u").run().output().strip().equals("0"), "needs root for device nodes");
    Mke2fs.fill(directory.resolve("source"), 1500);
    Path file = directory.resolve("image");
    // A fixed seed: which leaf a changed name belongs to is then the same each time.
    String seed = "hash_seed=01234567-89ab-4cde-8f01-23456789abcd";
    Mke2fs.write(directory.resolve("source"), file, "40M", "-b", "4096", "-E", seed);
    Mke2fs.index(file);
    image = Files.readAllBytes(file);
  }

  @Test
  void imageHasAnIndexAndBlocksOfAttributes() throws Exception {
    EditableImage edited = new EditableImage(Sources.of(image));
    assertThat(edited.file(MANY).has(StoredInode.INDEX_FL)).isTrue();
    assertThat(edited.file(ATTRIBUTES).fileAcl()).isNotZero();
    assertThat(Ext4Verifier.verify(edited, 100))
        .allMatch(finding -> finding.what().startsWith("has bytes in a free block"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({"indexRows", "attributeRows", "aclRows", "resizeRows"})
  void eachCorruptionIsFoundAndNamed(Row row) throws Exception {
    EditableImage edited = new EditableImage(Sources.of(image));
    row.edit().apply(edited);
    assertThat(Ext4Verifier.verify(edited, 100))
        .extracting(Finding::toString)
        .anyMatch(text -> text.contains(row.found()));
  }

  @Test
  void changedMetadataEndsInAnAnswerOrAnError() throws Exception {
    for (long seed = 0; seed < Long.getLong("nex-rootfs.fuzz-seeds", 12) * 10; seed++) {
      HostileImagesTest.fuzz(image, seed);
    }
  }

  private static Row index(String name, String found, Edit edit) {
    return new Row(
        name,
        found,
        i -> {
          edit.apply(i);
          i.sealIndexRoot(MANY);
        });
  }

  private static long root(EditableImage i) throws IOException {
    return i.data(MANY, 0);
  }

  static Stream<Row> indexRows() {
    return Stream.of(
        new Row("dt_checksum", "dt_checksum", i -> i.flip(root(i) + 4095, 1)),
        new Row("index without its checksum", "dt_checksum", i -> i.flip(root(i) + 0x29, 1)),
        index("reserved_zero", "reserved_zero", i -> i.put8(root(i) + 0x18, 1)),
        index("hash_version", "hash_version 6", i -> i.put8(root(i) + 0x1C, 6)),
        index("hash_version of another hash", "does not lead", i -> i.put8(root(i) + 0x1C, 2)),
        index("info_length", "info_length", i -> i.put8(root(i) + 0x1D, 9)),
        index("indirect_levels", "index", i -> i.put8(root(i) + 0x1E, 1)),
        index("indirect_levels too many", "indirect_levels", i -> i.put8(root(i) + 0x1E, 2)),
        index("unused_flags", "unused_flags", i -> i.put8(root(i) + 0x1F, 1)),
        index("limit", "dx_countlimit.limit", i -> i.add16(root(i) + 0x20, -1)),
        index("count 0", "dx_countlimit.count", i -> i.put16(root(i) + 0x22, 0)),
        new Row("count past the limit", "dx_countlimit.count", i -> i.put16(root(i) + 0x22, 600)),
        index("a leaf that is not named", "names no block", i -> i.add16(root(i) + 0x22, -1)),
        index(
            "a leaf that is named twice",
            "names a second time block",
            i -> i.put(root(i) + 0x34, i.get(root(i) + 0x2C, 4))),
        index("a leaf past the end", "dx_entry 1: block", i -> i.put32(root(i) + 0x2C, 4000)),
        index("the root as a leaf", "dx_entry 1: block", i -> i.put32(root(i) + 0x2C, 0)),
        index("hashes out of order", "dx_entry 2: hash", i -> i.put32(root(i) + 0x30, 2)),
        index("a hash too large", "does not lead", i -> i.add32(root(i) + 0x28, 0x0100_0000)),
        index(
            "leaves exchanged",
            "does not lead",
            i -> {
              byte[] one = i.get(root(i) + 0x2C, 4);
              i.put(root(i) + 0x2C, i.get(root(i) + 0x34, 4)).put(root(i) + 0x34, one);
            }),
        new Row(
            "name in the wrong leaf",
            "does not lead to the name",
            i -> i.put8(i.entry(MANY + "/name-700") + 8, 'X')),
        new Row(
            "hash of unsigned characters",
            "does not lead to the name",
            i -> i.put32(1024 + 0x160, 2).sealSuperblock()),
        new Row(
            "s_hash_seed",
            "does not lead to the name",
            i -> i.flip(1024 + 0xEC, 1).sealSuperblock()),
        new Row(
            "INDEX_FL without dir_index",
            "without the feature dir_index",
            i -> i.flip(1024 + 0x5C, 0x20).sealSuperblock()));
  }

  private static Row attributes(String name, String found, Edit edit) {
    return new Row(
        name,
        found,
        i -> {
          edit.apply(i);
          i.sealXattrs(ATTRIBUTES);
        });
  }

  private static long xattrs(EditableImage i) throws IOException {
    return i.block(i.file(ATTRIBUTES).fileAcl());
  }

  static Stream<Row> attributeRows() {
    return Stream.of(
        new Row("h_checksum", "h_checksum", i -> i.flip(xattrs(i) + 0x10, 1)),
        new Row("value without its checksum", "h_checksum", i -> i.flip(xattrs(i) + 4000, 1)),
        attributes("h_magic", "h_magic", i -> i.flip(xattrs(i), 1)),
        attributes("h_refcount", "h_refcount 2", i -> i.put32(xattrs(i) + 4, 2)),
        attributes("h_blocks", "h_blocks", i -> i.put32(xattrs(i) + 8, 2)),
        attributes("h_hash", "h_hash", i -> i.put32(xattrs(i) + 12, 99)),
        attributes("e_hash", "e_hash of user.", i -> i.flip(xattrs(i) + 32 + 12, 1)),
        attributes(
            "entries in the wrong order",
            "entries are out of order: user.a after user.b",
            i -> {
              byte[] first = i.get(xattrs(i) + 32, 20);
              i.put(xattrs(i) + 32, i.get(xattrs(i) + 52, 20)).put(xattrs(i) + 52, first);
            }),
        attributes(
            "alphabetical order",
            "entries are out of order",
            i -> {
              // user.aaaa, the last by its length, before user.a: as a sort by name would have it.
              byte[] entries = i.get(xattrs(i) + 32, 5 * 20);
              i.put(xattrs(i) + 32, java.util.Arrays.copyOfRange(entries, 80, 100));
              i.put(xattrs(i) + 52, java.util.Arrays.copyOf(entries, 80));
            }),
        attributes(
            "values that overlap",
            "overlaps",
            i -> i.put(xattrs(i) + 34, i.get(xattrs(i) + 54, 2))),
        attributes("an endless list", "attribute block", i -> i.put8(xattrs(i) + 32, 255)));
  }

  private static long acl(EditableImage i) throws IOException {
    StoredXattr acl =
        StoredXattr.inInode(i.file("/acl")).stream()
            .filter(StoredXattr::isAcl)
            .findFirst()
            .orElseThrow();
    return i.inode("/acl") + acl.valueOffset();
  }

  private static Row acl(String name, String found, Edit edit) {
    return new Row(
        name,
        found,
        i -> {
          edit.apply(i);
          i.sealInode("/acl");
        });
  }

  static Stream<Row> aclRows() {
    return Stream.of(
        acl("ACL in the form of programs", "not of version 1", i -> i.put32(acl(i), 2)),
        acl("ACL out of order", "out of order", i -> i.put16(acl(i) + 4, 4).put16(acl(i) + 16, 1)),
        acl("ACL of an unknown tag", "ACL", i -> i.put16(acl(i) + 4, 0x40)),
        acl("ACL of unknown permissions", "permissions 15", i -> i.put16(acl(i) + 6, 15)));
  }

  private static Row resize(String name, String found, Edit edit) {
    return new Row(
        name,
        "resize inode, inode 7: " + found,
        i -> {
          edit.apply(i);
          i.sealInode(7);
        });
  }

  private static long dind(EditableImage i) throws IOException {
    return i.block(new Fields(i.get(i.inode(7) + 0x28 + 52, 4)).u32(0));
  }

  static Stream<Row> resizeRows() {
    return Stream.of(
        resize("i_size", "i_size", i -> i.add32(i.inode(7) + 4, 1)),
        resize("i_blocks", "i_blocks", i -> i.add32(i.inode(7) + 0x1C, 8)),
        resize("i_links_count", "i_links_count", i -> i.put16(i.inode(7) + 0x1A, 2)),
        resize("i_mode", "i_mode", i -> i.put16(i.inode(7), 0x4180)),
        resize("a direct block", "i_block[0]", i -> i.put32(i.inode(7) + 0x28, 77)),
        resize("double-indirect block", "", i -> i.add32(i.inode(7) + 0x28 + 52, 1)),
        resize(
            "double-indirect block past the end",
            "i_block[13]: points",
            i -> i.put32(i.inode(7) + 0x28 + 52, -1)),
        resize("a reserved block", "entry 2 of the double-indirect", i -> i.add32(dind(i) + 8, 1)),
        resize(
            "a block too many",
            "entry 500 of the double-indirect",
            i -> i.put32(dind(i) + 2000, 77)),
        resize(
            "a backup of none",
            "reserved descriptor block 2: entry 0 77",
            i -> i.put32(i.block(2), 77)),
        new Row(
            "s_reserved_gdt_blocks",
            "resize inode",
            i -> i.add16(1024 + 0xCE, -1).sealSuperblock()));
  }
}
