package dev.nexrootfs.ext4.read;

import java.io.IOException;

/** The blocks of a directory, in order. */
final class DirectoryBlocks {
  /** What is done with each block. */
  @FunctionalInterface
  interface Visitor {
    /**
     * Block {@code index} of the directory.
     *
     * @param bytes its content, not to be changed
     */
    void block(long index, byte[] bytes) throws IOException;
  }

  private DirectoryBlocks() {}

  /**
   * How many blocks {@code directory} has by its size.
   *
   * @throws UnreadableImageException where that is no number of blocks of a directory
   */
  static long count(Volume volume, StoredInode directory) throws UnreadableImageException {
    long size = directory.size();
    int blockSize = volume.blockSize();
    if (size <= 0 || size % blockSize != 0 || size / blockSize > volume.groups().blocks()) {
      throw new UnreadableImageException(
          directory.where(),
          "i_size of a directory",
          Long.toUnsignedString(size),
          "a multiple of " + blockSize + " within the file system");
    }
    return size / blockSize;
  }

  /** Shows each block of {@code directory} to {@code visitor}. */
  static void walk(Volume volume, StoredInode directory, Visitor visitor) throws IOException {
    Walk walk = new Walk(volume, directory, visitor);
    BlockMap.of(volume, directory).walk(walk);
    walk.expect(walk.count);
  }

  private static final class Walk implements BlockMap.Visitor {
    private final Volume volume;
    private final StoredInode directory;
    private final Visitor visitor;
    private final long count;
    private long next;

    Walk(Volume volume, StoredInode directory, Visitor visitor) throws UnreadableImageException {
      this.volume = volume;
      this.directory = directory;
      this.visitor = visitor;
      this.count = DirectoryBlocks.count(volume, directory);
    }

    @Override
    public boolean mapBlock(long block) {
      return true;
    }

    @Override
    public void run(BlockMap.Run run) throws IOException {
      for (long i = 0; i < run.count() && run.logical() + i < count; i++) {
        if (run.unwritten()) {
          throw new UnreadableImageException(
              directory.where(), "has an unwritten block in a directory", run.physical(), "");
        }
        expect(run.logical() + i);
        next++;
        visitor.block(run.logical() + i, volume.block(run.physical() + i, directory.where()));
      }
    }

    private void expect(long logical) throws UnreadableImageException {
      if (next < logical) {
        throw new UnreadableImageException(
            directory.where(), "is a directory with a hole: block", next, "");
      }
    }
  }
}
