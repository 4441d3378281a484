package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.ext4.read.Ext4Verifier;
import dev.nexrootfs.ext4.read.ImageFile;
import dev.nexrootfs.oracle.Debugfs;
import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.FileTree;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file whose extents fill more than one leaf, which writers got wrong past 42.5 GiB. */
class LargeFilesIT {
  private static final long SIZE = 46L << 30;
  private static final int BLOCK = 4096;

  @TempDir Path directory;

  @Test
  void fileOf44GibWithoutHolesIsWhole() throws Exception {
    FileTree tree = Trees.empty();
    Trees.file(tree, tree.root(), "large", Trees.plain(), new Zeros((44L << 30) + 5));
    Path file = directory.resolve("tree.img");
    Ext4Image image = new Ext4Image(LayoutPlanner.plan(tree, Images.profile(SIZE)));
    ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.setLength(SIZE);
      for (long at = image.nextData(0); at < SIZE; at = image.nextData(at)) {
        buffer.clear().limit((int) Math.min(buffer.capacity(), SIZE - at));
        image.read(at, buffer);
        writeBlocksOfData(out, at, buffer.array(), buffer.limit());
        at += buffer.limit();
      }
    }
    E2fsck.check(file);
    assertThat(Debugfs.stat(file, "/large")).contains("Blockcount: " + 8L * ((44L << 18) + 1 + 2));
    try (ImageFile source = ImageFile.open(file)) {
      assertThat(Ext4Verifier.verify(source, 20)).isEmpty();
    }
  }

  /** Zeros stay a hole of the host's file, so that the test costs no disk. */
  private static void writeBlocksOfData(RandomAccessFile out, long at, byte[] bytes, int length)
      throws java.io.IOException {
    byte[] zeros = new byte[BLOCK];
    for (int from = 0; from < length; from += BLOCK) {
      int end = Math.min(length, from + BLOCK);
      if (!java.util.Arrays.equals(bytes, from, end, zeros, 0, end - from)) {
        out.seek(at + from);
        out.write(bytes, from, end - from);
      }
    }
  }

  private record Zeros(long size) implements Content {
    @Override
    public void read(long position, ByteBuffer target) {
      target.put(new byte[target.remaining()]);
    }
  }
}
