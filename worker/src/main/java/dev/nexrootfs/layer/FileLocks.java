package dev.nexrootfs.layer;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Locks by name between the threads of all processes that use one directory, shared or exclusive:
 * ranges of one byte of one file (fcntl(2)), which the kernel releases when a process ends in any
 * way.
 *
 * <p>The kernel knows processes, not threads, and drops a process's locks of a file when any
 * channel to it is closed. So a JVM has one channel to the file, for ever, and counts for its
 * threads.
 */
final class FileLocks {
  private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(10);
  private static final Map<Path, FileLocks> OPEN = new ConcurrentHashMap<>();

  private final Path file;
  private final FileChannel channel;
  private final Map<Long, Entry> entries = new HashMap<>();

  private FileLocks(Path file) throws IOException {
    this.file = file;
    this.channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  /** Who holds a name in this JVM. */
  private static final class Entry {
    private final FileLock lock;
    private int holders = 1;

    Entry(FileLock lock) {
      this.lock = lock;
    }
  }

  /** A lock that is held; closing it releases it. */
  final class Held implements Closeable {
    private final long position;
    private boolean open = true;

    private Held(long position) {
      this.position = position;
    }

    @Override
    public void close() throws IOException {
      synchronized (entries) {
        if (!open) {
          return;
        }
        open = false;
        Entry entry = entries.get(position);
        if (entry != null && --entry.holders == 0) {
          entries.remove(position);
          entry.lock.release();
        }
      }
    }
  }

  /** The locks of the file {@code name} in {@code directory}, which exists. */
  static FileLocks of(Path directory, String name) throws IOException {
    Path file = directory.toRealPath().resolve(name);
    synchronized (OPEN) {
      FileLocks known = OPEN.get(file);
      if (known != null && Files.exists(file)) {
        return known;
      }
      FileLocks made = new FileLocks(file);
      OPEN.put(file, made);
      return made;
    }
  }

  /** Waits until {@code name} can be had beside other shared holders. */
  Held shared(String name, Duration patience) throws IOException {
    return await(name, true, patience, () -> {});
  }

  /**
   * Waits until nobody else holds {@code name}.
   *
   * @param stillWanted called while waiting; what it throws ends that
   */
  Held exclusive(String name, Duration patience, Runnable stillWanted) throws IOException {
    return await(name, false, patience, stillWanted);
  }

  /** The lock, where nobody holds it now. */
  Optional<Held> tryExclusive(String name) throws IOException {
    return attempt(position(name), false);
  }

  private Held await(String name, boolean shared, Duration patience, Runnable stillWanted)
      throws IOException {
    long position = position(name);
    long start = System.nanoTime();
    while (true) {
      Optional<Held> held = attempt(position, shared);
      if (held.isPresent()) {
        return held.get();
      }
      if (System.nanoTime() - start > patience.toNanos()
          || Thread.currentThread().isInterrupted()) {
        throw new IOException(
            "waited in vain for another worker that holds " + name + " in " + file);
      }
      stillWanted.run();
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  private Optional<Held> attempt(long position, boolean shared) throws IOException {
    synchronized (entries) {
      Entry entry = entries.get(position);
      if (entry != null) {
        if (!shared || !entry.lock.isShared()) {
          return Optional.empty();
        }
        entry.holders++;
        return Optional.of(new Held(position));
      }
      FileLock lock = channel.tryLock(position, 1, shared);
      if (lock == null) {
        return Optional.empty();
      }
      entries.put(position, new Entry(lock));
      return Optional.of(new Held(position));
    }
  }

  /** Where in the file a name's byte is; two names that meet there only wait for each other. */
  private static long position(String name) {
    byte[] hash =
        dev.nexrootfs.oci.Digest.newSha256().digest(name.getBytes(StandardCharsets.UTF_8));
    return ByteBuffer.wrap(hash).getLong() & Long.MAX_VALUE >> 1;
  }
}
