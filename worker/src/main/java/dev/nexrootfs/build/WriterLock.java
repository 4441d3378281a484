package dev.nexrootfs.build;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The right to write one file, for one program at a time: a lock of the kernel's on a file of its
 * own, which is there only while somebody writes. The kernel releases it when a program ends in any
 * way.
 */
final class WriterLock implements Closeable {
  private static final int LOOKS = 100;
  private static final long LARGEST_MARK = 1L << 30;

  /** The kernel's lock is a process's, and gone when the process closes any channel to the file. */
  private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

  private final Path file;
  private final FileChannel channel;

  private WriterLock(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /** The lock that is the file {@code file}, an absolute path; none where another has it. */
  static Optional<WriterLock> tryAcquire(Path file) throws IOException {
    if (!HELD_HERE.add(file)) {
      return Optional.empty();
    }
    boolean held = false;
    try {
      Optional<WriterLock> lock = look(file);
      held = lock.isPresent();
      return lock;
    } finally {
      if (!held) {
        HELD_HERE.remove(file);
      }
    }
  }

  private static Optional<WriterLock> look(Path file) throws IOException {
    for (int look = 0; look < LOOKS; look++) {
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      boolean kept = false;
      try {
        FileLock lock = channel.tryLock();
        if (lock == null) {
          return Optional.empty();
        }
        // Whoever is done deletes the file before it lets go. So what was opened may have no name
        // any more, and then its lock keeps nobody away; a size that only this program knows tells.
        long mark = ThreadLocalRandom.current().nextLong(1, LARGEST_MARK);
        channel.truncate(0);
        channel.write(ByteBuffer.allocate(1), mark - 1);
        if (sizeOf(file) == mark) {
          kept = true;
          return Optional.of(new WriterLock(file, channel));
        }
      } finally {
        if (!kept) {
          channel.close();
        }
      }
    }
    throw new IOException(file + " is replaced again and again; try again");
  }

  private static long sizeOf(Path file) throws IOException {
    try {
      return Files.size(file);
    } catch (NoSuchFileException e) {
      return -1;
    }
  }

  @Override
  public void close() throws IOException {
    try (channel) {
      Files.deleteIfExists(file);
    } finally {
      HELD_HERE.remove(file);
    }
  }
}
