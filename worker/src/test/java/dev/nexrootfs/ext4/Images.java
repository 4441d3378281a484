package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.ext4.read.Ext4Reader;
import dev.nexrootfs.ext4.read.Ext4Verifier;
import dev.nexrootfs.ext4.read.ImageFile;
import dev.nexrootfs.oracle.Debugfs;
import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.oracle.Host;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.LoopMount;
import dev.nexrootfs.tree.FileTree;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/** Images of trees in files, and what is expected of each. */
public final class Images {
  static final UUID ID = UUID.fromString("12345678-9abc-4def-8123-456789abcdef");

  private Images() {}

  /** The profile of an image whose size follows {@code size}. */
  static ImageProfile profile(ImageSize size) {
    return new ImageProfile(size, ID, Trees.TIME);
  }

  /** The profile of an image of {@code size} bytes. */
  public static ImageProfile profile(long size) {
    return new ImageProfile(new ImageSize.Whole(size), ID, Trees.TIME);
  }

  /** Writes the image of {@code tree} as a sparse file. */
  public static Ext4Layout write(FileTree tree, long size, Path file)
      throws IOException, LayoutException {
    Ext4Layout layout = LayoutPlanner.plan(tree, profile(size));
    Ext4Image image = new Ext4Image(layout);
    ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.WRITE,
            StandardOpenOption.TRUNCATE_EXISTING)) {
      for (long at = image.nextData(0); at < image.size(); at = image.nextData(at)) {
        buffer.clear().limit((int) Math.min(buffer.capacity(), image.size() - at));
        image.read(at, buffer);
        channel.write(buffer.flip(), at);
        at += buffer.limit();
      }
      if (channel.size() < image.size()) {
        channel.write(ByteBuffer.allocate(1), image.size() - 1);
      }
    }
    return layout;
  }

  /**
   * Writes the image, and fails unless e2fsck and our verifier are content, and debugfs, the kernel
   * and our reader read the same tree.
   */
  static void check(FileTree tree, long size, Path directory) throws IOException, LayoutException {
    Path file = directory.resolve("tree.img");
    write(tree, size, file);
    E2fsck.check(file);
    Listing expected = Listing.of(tree);
    try (ImageFile image = ImageFile.open(file)) {
      assertThat(Ext4Verifier.verify(image, 20)).isEmpty();
      FileTree read = Ext4Reader.open(image).tree(1_000_000);
      assertThat(expected.differences(Listing.of(read))).isEmpty();
    }
    Path scratch = Files.createTempDirectory(directory, "dump");
    assertThat(expected.differences(Debugfs.list(file, scratch))).isEmpty();
    if (LoopMount.isAllowed()) {
      try (LoopMount mount = LoopMount.of(file)) {
        assertThat(expected.differences(Host.list(mount.point()))).isEmpty();
      }
    }
  }
}
