package dev.nexrootfs.build;

import dev.nexrootfs.oci.Digest;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;

/**
 * A file that is written under another name beside it, with zeros as holes, and has its own name
 * only when it is whole and synced.
 */
public final class SparseFile extends OutputStream {
  private final Path target;
  private final Path unfinished;
  private final FileChannel channel;
  private final SparseContent content;
  private final MessageDigest computation = Digest.newSha256();

  /**
   * Begins to write {@code target}.
   *
   * @throws IOException where no file can be made there, or something other than a file has the
   *     name
   */
  public SparseFile(Path target) throws IOException {
    checkTarget(target);
    this.target = target.toAbsolutePath();
    // A name of its own, so that two writers of one target never share a file.
    this.unfinished =
        Files.createTempFile(parentOf(target), this.target.getFileName() + ".", ".new");
    this.channel = FileChannel.open(unfinished, StandardOpenOption.WRITE);
    this.content = new SparseContent(channel);
    unfinished.toFile().deleteOnExit();
  }

  /** Fails where {@code target} cannot be written: before any work is done for it. */
  public static void checkTarget(Path target) throws IOException {
    Path parent = parentOf(target);
    if (!Files.isDirectory(parent)) {
      throw new IOException(target + " cannot be written: there is no directory " + parent);
    }
    if (!Files.isWritable(parent)) {
      throw new IOException(target + " cannot be written: no permission to write into " + parent);
    }
    if (Files.exists(target) && !Files.isRegularFile(target)) {
      throw new IOException(target + " cannot be written: it is there, and is no regular file");
    }
  }

  static Path parentOf(Path target) throws IOException {
    Path parent = target.toAbsolutePath().getParent();
    if (parent == null) {
      throw new IOException(target + " cannot be written: it is a directory");
    }
    return parent;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    computation.update(bytes, offset, length);
    content.write(bytes, offset, length);
  }

  /** The SHA-256 of all bytes; nothing can be written after it. */
  public Digest digest() {
    return Digest.ofSha256(computation.digest());
  }

  /** Ends the file, syncs it and gives it its name. */
  public void commit() throws IOException {
    content.end();
    channel.force(true);
    channel.close();
    // A temporary file is for its owner only; an image is as readable as any file that one makes.
    Files.setPosixFilePermissions(unfinished, PosixFilePermissions.fromString("rw-r--r--"));
    Files.move(
        unfinished, target, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Removes what was written, unless it was committed. */
  @Override
  public void close() throws IOException {
    channel.close();
    Files.deleteIfExists(unfinished);
  }
}
