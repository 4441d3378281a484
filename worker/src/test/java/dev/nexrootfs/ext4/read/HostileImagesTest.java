package dev.nexrootfs.ext4.read;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.nexrootfs.ext4.Trees;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whatever an image says, reading it ends soon: in an answer or in an error that names the place.
 */
class HostileImagesTest {
  private static final long NAMES = 100_000;
  private static final Duration SOON = Duration.ofSeconds(10);

  private static EditableImage ours() throws Exception {
    return new EditableImage(Ext4VerifierTest.ours());
  }

  private static void isRefused(ImageSource image, String... parts) {
    assertTimeoutPreemptively(
        SOON,
        () ->
            assertThatThrownBy(() -> Ext4Reader.open(image).tree(NAMES))
                .isInstanceOf(UnreadableImageException.class)
                .hasMessageContainingAll(parts));
  }

  @Test
  void directoryThatContainsItself() throws Exception {
    EditableImage image = ours();
    image.put32(image.entry("/dir/sub"), image.file("/dir").ino());
    isRefused(image, "/dir/sub", "second name of a directory");
  }

  @Test
  void rootThatContainsItself() throws Exception {
    EditableImage image = ours();
    image.put32(image.entry("/dir"), 2);
    isRefused(image, "/dir", "second name of a directory");
  }

  @Test
  void extentTreeThatPointsToItself() throws Exception {
    EditableImage image = ours();
    long block = image.extentBlock("/sparse") / 4096;
    image.put16(image.inode("/sparse") + 0x2E, 5);
    image.put16(image.block(block) + 6, 4).put16(image.block(block) + 2, 340);
    for (long i = 0; i < 340; i++) {
      long entry = image.block(block) + 12 + 12 * i;
      image.put32(entry, i).put32(entry + 4, block).put32(entry + 8, 0);
    }
    isRefused(image, "extent tree, block " + block, "eh_depth");
  }

  @Test
  void extentTreeWhoseEntriesShareAChild() throws Exception {
    EditableImage image = ours();
    long root = image.inode("/sparse") + 0x28;
    image.put16(root + 2, 2).put(root + 24, image.get(root + 12, 12)).put32(root + 24, 20);
    isRefused(image, "first logical block", "as its parent says");
  }

  @Test
  void pointersThatPointToThemselves() throws Exception {
    EditableImage image = ours();
    long block = image.data("/small", 0) / 4096;
    long inode = image.inode("/small");
    image.put32(inode + 0x20, 0).put(inode + 0x28, new byte[60]).put32(inode + 0x28 + 56, block);
    for (long i = 0; i < 1024; i++) {
      image.put32(image.block(block) + 4 * i, block);
    }
    isRefused(image, "uses a block of its map twice");
  }

  @Test
  void filesThatClaimTheSameBlocks() throws Exception {
    EditableImage image = ours();
    for (int i = 0; i < 60; i++) {
      long inode = image.inode("/many/entry-" + i);
      image.put16(inode + 0x2A, 1).put16(inode + 0x2E, 0);
      image
          .put32(inode + 0x34, 0)
          .put16(inode + 0x38, 30_000)
          .put16(inode + 0x3A, 0)
          .put32(inode + 0x3C, 1);
      image.put32(inode + 4, 30_000L * 4096);
    }
    isRefused(image, "more blocks than the file system");
  }

  @Test
  void directoryOfFourTebibytes() throws Exception {
    EditableImage image = ours();
    image.put32(image.inode("/dir") + 4, 0xFFFF_F000L);
    isRefused(image, "i_size of a directory");
  }

  @Test
  void moreNamesThanMemoryIsMeantFor() throws Exception {
    EditableImage image = ours();
    assertThatThrownBy(() -> Ext4Reader.open(image).tree(20))
        .isInstanceOf(UnreadableImageException.class)
        .hasMessageContaining("at most 20");
  }

  @ParameterizedTest
  @ValueSource(ints = {0x00, 0x04, 0x20, 0x28, 0x150})
  void hugeCountInTheSuperblockOfASmallFile(int field) throws Exception {
    EditableImage image = ours();
    image.put32(1024 + field, 0x7FFF_FFFF).sealSuperblock();
    isRefused(image, "superblock: ");
    assertThatThrownBy(() -> Ext4Verifier.verify(image, 10))
        .isInstanceOf(UnreadableImageException.class);
  }

  @ParameterizedTest
  @ValueSource(ints = {0x18, 0x1C, 0x14, 0x54, 0x58, 0x60, 0xFE})
  void geometryThatIsNone(int field) throws Exception {
    EditableImage image = ours();
    image.put16(1024 + field, 0x7FFF).sealSuperblock();
    isRefused(image, "superblock: ");
  }

  @Test
  void imageThatIsCutOff() throws Exception {
    byte[] whole = Sources.bytes(Sources.of(Trees.random(3), 8 << 20));
    for (int length : new int[] {0, 1, 1023, 1024, 2047, 2048, 4096, 1 << 20, whole.length - 1}) {
      isRefused(Sources.of(Arrays.copyOf(whole, length)), "superblock");
    }
    isRefused(Sources.of(Arrays.copyOf(whole, 1 << 20)), "cut off", "2048");
  }

  @Test
  void fileThatIsNoImage() throws Exception {
    byte[] text = "#!/bin/sh\n".repeat(1000).getBytes(java.nio.charset.StandardCharsets.UTF_8);
    isRefused(Sources.of(text), "s_magic", "0xef53");
  }

  static LongStream seeds() {
    return LongStream.range(0, Long.getLong("nex-rootfs.fuzz-seeds", 12));
  }

  /** A hundred images to a seed. */
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void changedMetadataEndsInAnAnswerOrAnError(long seed) throws Exception {
    FileTree tree = Trees.random(seed);
    byte[] whole = Sources.bytes(Sources.of(tree, 8 << 20));
    for (int i = 0; i < 100; i++) {
      fuzz(whole, seed * 100 + i);
    }
  }

  /** Changes up to eight places of {@code whole}, and reads all of what comes out. */
  static void fuzz(byte[] whole, long seed) throws Exception {
    Random random = new Random(seed);
    EditableImage image = new EditableImage(Sources.of(whole));
    Volume volume = Volume.open(Sources.of(whole));
    for (int edits = 1 + random.nextInt(8); edits > 0; edits--) {
      long at = place(random, volume, image);
      switch (random.nextInt(4)) {
        case 0 -> image.put8(at, random.nextInt(256));
        case 1 -> image.put32(at & ~3, random.nextBoolean() ? -1 : random.nextInt(40));
        case 2 -> image.put(at & ~3, image.get(place(random, volume, image) & ~3, 4));
        default -> image.flip(at, 1 << random.nextInt(8));
      }
    }
    if (random.nextBoolean()) {
      image.sealSuperblock();
      for (int group = 0; group < image.groups().count(); group++) {
        image.sealBitmaps(group);
      }
    }
    assertTimeoutPreemptively(SOON, () -> readAll(image), () -> "seed " + seed);
  }

  /** Any byte of metadata: superblock, descriptors, inodes, or a block of some inode. */
  private static long place(Random random, Volume volume, EditableImage image) throws IOException {
    long ino = 1L + random.nextInt(80);
    switch (random.nextInt(8)) {
      case 0 -> {
        return 1024L + random.nextInt(1024);
      }
      case 1 -> {
        return image.descriptor(0, 0) + random.nextInt(volume.groups().descriptorBytes());
      }
      case 2, 3, 4 -> {
        return image.inode(ino) + random.nextInt(volume.groups().inodeSize());
      }
      default -> {
        StoredInode inode = volume.inode(ino, "fuzz");
        boolean isMapped =
            inode.links() > 0
                && (inode.is(StoredInode.Type.DIRECTORY) || inode.is(StoredInode.Type.REGULAR));
        long block = isMapped ? BlockMap.of(volume, inode).runAt(0).physical() : 0;
        long xattrs = inode.links() > 0 ? inode.fileAcl() : 0;
        long chosen = xattrs != 0 && random.nextBoolean() ? xattrs : block;
        // The front of a block holds most of what is read of it.
        int within = random.nextInt(random.nextBoolean() ? 64 : volume.blockSize());
        return image.block(chosen) + within;
      }
    }
  }

  private static void readAll(ImageSource image) throws IOException {
    try {
      Ext4Reader reader = Ext4Reader.open(image);
      reader.describe();
      FileTree tree = reader.tree(NAMES);
      Deque<Directory> open = new ArrayDeque<>();
      open.push(tree.root());
      while (!open.isEmpty()) {
        for (Node node : open.pop().entries().values()) {
          if (node instanceof Directory below) {
            open.push(below);
          } else if (node instanceof RegularFile file) {
            read(file.content());
          }
        }
      }
    } catch (UnreadableImageException e) {
      assertThat(e).hasMessageNotContaining("null");
    }
    try {
      Ext4Verifier.verify(image, 50);
    } catch (UnreadableImageException e) {
      assertThat(e.finding().where()).isEqualTo("superblock");
    }
  }

  private static void read(Content content) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
    for (Content.DataRange range : content.dataRanges()) {
      for (long at = range.position();
          at < range.position() + range.length();
          at += buffer.limit()) {
        long left = range.position() + range.length() - at;
        content.read(at, buffer.clear().limit((int) Math.min(buffer.capacity(), left)));
      }
    }
    if (content.size() > 0) {
      content.read(content.size() - 1, buffer.clear().limit(1));
    }
  }
}
