package dev.nexrootfs.build;

import dev.nexrootfs.oci.Digest;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A file that is written as {@code FILE.new}, with zeros as holes, and becomes {@code FILE} in one
 * step when it is whole and on the disk. One writer at a time; what a writer that was killed has
 * left is overwritten.
 */
public final class PartialFile extends OutputStream {
  private final Path target;
  private final Path unfinished;
  private final WriterLock lock;
  private final FileChannel channel;
  private SparseContent content;
  private boolean committed;

  private PartialFile(Path target, Path unfinished, WriterLock lock, FileChannel channel) {
    this.target = target;
    this.unfinished = unfinished;
    this.lock = lock;
    this.channel = channel;
    this.content = new SparseContent(channel);
  }

  /**
   * Begins to write {@code target}.
   *
   * @throws IOException where no file can be made there, something other than a file has the name,
   *     or another program writes it now
   */
  public static PartialFile of(Path target) throws IOException {
    SparseFile.checkTarget(target);
    Path file = target.toAbsolutePath().normalize();
    Path unfinished = beside(file, ".new");
    WriterLock lock =
        WriterLock.tryAcquire(beside(file, ".new.lock"))
            .orElseThrow(
                () -> new IOException(target + " is being written by another program just now"));
    try {
      // A new file: what others have open of an old one stays as it is.
      Files.deleteIfExists(unfinished);
      FileChannel channel =
          FileChannel.open(unfinished, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      return new PartialFile(file, unfinished, lock, channel);
    } catch (IOException e) {
      lock.close();
      throw e;
    }
  }

  private static Path beside(Path file, String ending) {
    return file.resolveSibling(file.getFileName() + ending);
  }

  /** Forgets what was written, and begins anew. */
  public void restart() throws IOException {
    channel.truncate(0);
    content = new SparseContent(channel);
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    try {
      content.write(bytes, offset, length);
    } catch (IOException e) {
      throw new IOException(unfinished + " cannot be written: " + e.getMessage(), e);
    }
  }

  /**
   * Ends the file, brings it to the disk and gives it its name.
   *
   * @param digest SHA-256 of what was written, noted for {@link FileDigest}
   */
  public void commit(Digest digest) throws IOException {
    content.end();
    FileDigest.note(unfinished, digest);
    channel.force(true);
    Files.move(
        unfinished, target, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    committed = true;
    // The name is on the disk only when its directory is.
    try (FileChannel directory =
        FileChannel.open(SparseFile.parentOf(target), StandardOpenOption.READ)) {
      directory.force(true);
    }
  }

  /** Removes what was written, unless it was committed. */
  @Override
  public void close() throws IOException {
    try (lock) {
      channel.close();
      if (!committed) {
        Files.deleteIfExists(unfinished);
      }
    }
  }
}
