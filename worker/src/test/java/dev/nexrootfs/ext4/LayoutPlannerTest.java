package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.Xattrs;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LayoutPlannerTest {
  private final FileTree tree = Trees.empty();
  private final Directory root = tree.root();

  @ParameterizedTest
  @ValueSource(longs = {5, 60, 100, 124, 129, 500, 3000})
  void sizeThatIsNamedWouldDoAndIsNotMuchMoreThanNeeded(long mebibytes) throws Exception {
    Trees.file(tree, root, "file", mebibytes << 20);
    LayoutException tooSmall =
        catchThrowableOfType(
            LayoutException.class, () -> LayoutPlanner.plan(tree, Images.profile(1 << 20)));
    long sufficient = tooSmall.sufficientSize().getAsLong();
    assertThat(tooSmall).hasMessageContaining(" inodes");
    assertThat(tooSmall.getMessage()).contains(Long.toString(sufficient));
    LayoutPlanner.plan(tree, Images.profile(sufficient));
    long lessBySome = sufficient - Math.max(2 << 20, sufficient / 50);
    assertThatThrownBy(() -> LayoutPlanner.plan(tree, Images.profile(lessBySome)))
        .isInstanceOf(LayoutException.class);
  }

  @Test
  void contentThatFillsTheImageToItsLastBlockFits() throws Exception {
    long free = LayoutPlanner.plan(Trees.empty(), Images.profile(64 << 20)).freeBytes();
    Trees.file(tree, root, "file", free);
    assertThat(LayoutPlanner.plan(tree, Images.profile(64 << 20)).freeBytes()).isZero();
    Trees.file(tree, root, "one-more", 1);
    assertThatThrownBy(() -> LayoutPlanner.plan(tree, Images.profile(64 << 20)))
        .isInstanceOf(LayoutException.class);
  }

  @ParameterizedTest
  @ValueSource(longs = {8 << 20, 16 << 20, 64 << 20, 157_286_400, 1L << 30, 20L << 30})
  void roomIsAtLeastWhatMke2fsLeaves(long size, @TempDir Path directory) throws Exception {
    Command.require("mke2fs");
    Path file = directory.resolve("mke2fs.img");
    Command.of("truncate", "-s", size, file).run().orThrow();
    Command.of("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", file).run().orThrow();
    String header = Command.of("dumpe2fs", "-h", file).run().orThrow().output();
    Ext4Layout layout = LayoutPlanner.plan(tree, Images.profile(size));
    assertThat(layout.freeBlocks()).isGreaterThanOrEqualTo(number("Free blocks", header));
    // Ten inodes are reserved, the root among them, and one is lost+found.
    assertThat(layout.freeInodes() + 11).isGreaterThanOrEqualTo(size / 16_384);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 5 << 20, 64 << 20, 130 << 20, 3L << 30, 70L << 30})
  void smallestImageHoldsTheContentAndABlockLessDoesNot(long bytes) throws Exception {
    Trees.file(tree, root, "file", bytes);
    Ext4Layout smallest = LayoutPlanner.plan(tree, Images.profile(new ImageSize.Free(0)));
    assertThat(smallest.hasJournal()).isTrue();
    assertThat(smallest.geometry().inodesPerGroup()).isGreaterThanOrEqualTo(8192);
    LayoutPlanner.plan(tree, Images.profile(smallest.size()));
    if (bytes >= 64 << 20) {
      assertThatThrownBy(() -> LayoutPlanner.plan(tree, Images.profile(smallest.size() - 4096)))
          .isInstanceOf(LayoutException.class);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 4096, 4097, 64 << 20, 1L << 30, 100L << 30})
  void imageOfSoMuchFreeSpaceLeavesThatAndLittleMore(long free) throws Exception {
    Trees.file(tree, root, "file", 10 << 20);
    Ext4Layout layout = LayoutPlanner.plan(tree, Images.profile(new ImageSize.Free(free)));
    assertThat(layout.freeBytes()).isBetween(free, free + (1 << 20));
  }

  @Test
  void imagePast16TibIsPlannedAndRendered() throws Exception {
    long size = (1L << 44) + (1L << 30);
    long file = (1L << 43) + 5;
    for (int i = 0; i < 2; i++) {
      Trees.file(tree, root, "huge-" + i, Trees.plain(), new Sparse(file));
    }
    Ext4Layout layout = LayoutPlanner.plan(tree, Images.profile(size));
    assertThat(layout.geometry().blocks()).isGreaterThan(1L << 32);
    Ext4Image image = new Ext4Image(layout);
    java.nio.ByteBuffer buffer = java.nio.ByteBuffer.allocate(1 << 16);
    long last = 0;
    for (long at = image.nextData(0); at < image.size(); at = image.nextData(at)) {
      buffer.clear().limit((int) Math.min(buffer.capacity(), image.size() - at));
      image.read(at, buffer);
      last = at;
      at += buffer.limit();
    }
    assertThat(last).isGreaterThan(1L << 43);
  }

  /** A file of one byte at its start and one at its end. */
  private record Sparse(long size) implements dev.nexrootfs.tree.Content {
    @Override
    public void read(long position, java.nio.ByteBuffer target) {
      while (target.hasRemaining()) {
        target.put((byte) 1);
      }
    }

    @Override
    public java.util.List<DataRange> dataRanges() {
      return java.util.List.of(new DataRange(0, 1), new DataRange(size - 1, 1));
    }
  }

  @Test
  void fileWithMoreLinksThanExt4HasIsNamed() {
    RegularFile file = Trees.file(tree, root, "file", 1);
    for (int i = 0; i < 65_000; i++) {
      root.put(Name.of("l" + i), file);
    }
    refused("/file", "65001 hard links");
  }

  @Test
  void timePastTheLastIsNamed() {
    Directory below = Trees.directory(tree, root, "below");
    Attributes late = Attributes.of(0644, 0, 0, Instant.parse("2446-05-10T22:38:56Z"));
    Trees.file(tree, below, "late", late, ByteContent.of(""));
    refused("/below/late", "mtime");
  }

  @Test
  void attributesThatAnInodeCannotHoldAreNamed() {
    withXattr("user.large", new byte[4100]);
    refused("/file", "user.large");
    withXattr("foreign.name", new byte[1]);
    refused("/file", "foreign.name");
    withXattr("system.posix_acl_access", new byte[4]);
    refused("/file", "system.posix_acl_access");
  }

  @Test
  void lostAndFoundThatIsAFileIsNamed() {
    Trees.file(tree, root, "lost+found", 1);
    refused("/lost+found", "not a directory");
  }

  private void withXattr(String name, byte[] value) {
    Attributes attributes = new Attributes(0644, 0, 0, Trees.TIME, Xattrs.of(Map.of(name, value)));
    Trees.file(tree, root, "file", attributes, ByteContent.of(""));
  }

  private void refused(String... parts) {
    assertThatThrownBy(() -> LayoutPlanner.plan(tree, Images.profile(64 << 20)))
        .isInstanceOf(LayoutException.class)
        .hasMessageContainingAll(parts);
  }

  private static long number(String field, String header) {
    Matcher matcher = Pattern.compile(field + ": +(\\d+)").matcher(header);
    assertThat(matcher.find()).as(field).isTrue();
    return Long.parseLong(matcher.group(1));
  }
}
