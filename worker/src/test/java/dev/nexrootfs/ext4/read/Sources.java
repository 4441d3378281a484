package dev.nexrootfs.ext4.read;

import dev.nexrootfs.ext4.Ext4Image;
import dev.nexrootfs.ext4.Images;
import dev.nexrootfs.ext4.LayoutException;
import dev.nexrootfs.ext4.LayoutPlanner;
import dev.nexrootfs.tree.FileTree;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Images for the reader: as a plan renders them, and as bytes that a test may change. */
final class Sources {
  private Sources() {}

  /** The image of {@code tree}, rendered when it is read. */
  static ImageSource of(FileTree tree, long size) throws LayoutException {
    Ext4Image image = new Ext4Image(LayoutPlanner.plan(tree, Images.profile(size)));
    return new ImageSource() {
      @Override
      public long size() {
        return image.size();
      }

      @Override
      public void read(long offset, ByteBuffer target) throws IOException {
        image.read(offset, target);
      }

      @Override
      public long nextData(long offset) {
        return image.nextData(offset);
      }
    };
  }

  /** All bytes of {@code source}. */
  static byte[] bytes(ImageSource source) throws IOException {
    byte[] bytes = new byte[Math.toIntExact(source.size())];
    source.read(0, ByteBuffer.wrap(bytes));
    return bytes;
  }

  /** {@code bytes} as an image. */
  static ImageSource of(byte[] bytes) {
    return new ImageSource() {
      @Override
      public long size() {
        return bytes.length;
      }

      @Override
      public void read(long offset, ByteBuffer target) {
        target.put(bytes, Math.toIntExact(offset), target.remaining());
      }
    };
  }
}
