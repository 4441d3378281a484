package dev.nexrootfs.layer;

import dev.nexrootfs.oci.Digest;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A directory of content by digest, shared by all workers of this machine and safe against their
 * deaths: {@code blobs/ALGORITHM/HEX}, {@code layers/ALGORITHM/HEX}, {@code derived/ALGORITHM/HEX},
 * and what is being written in {@code ingest}. A file has its name only when it is whole.
 *
 * <p>All files together never take more than the limit. Where room is needed, the files that were
 * used longest ago go first; what a worker has open stays.
 */
public final class CacheDirectory {
  private static final long MAX_STEP_BYTES = 16 << 20;
  private static final int MIN_STEPS = 64;

  /** Another worker downloads or decodes in the meantime, as long as that takes. */
  private static final Duration OTHERS = Duration.ofHours(6);

  private static final Duration ROOM = Duration.ofMinutes(5);
  private static final Duration ABANDONED = Duration.ofDays(1);

  /** A time of use is noted once in so long. */
  private static final Duration USE = Duration.ofSeconds(10);

  private static final String ROOM_LOCK = "room";
  private static final Logger LOG = LoggerFactory.getLogger(CacheDirectory.class);

  private final Path directory;
  private final long maxBytes;

  /** What a writer may write before it asks for room again. */
  private final long stepBytes;

  private final FileLocks locks;

  private final AtomicLong found = new AtomicLong();
  private final AtomicLong missed = new AtomicLong();
  private final AtomicLong evicted = new AtomicLong();

  /** Inputs of this worker, whose files have no name; those that are closed are gone. */
  private final Set<FileChannel> inputs = ConcurrentHashMap.newKeySet();

  /** What a file holds. */
  enum Kind {
    /** A blob as a registry has it. */
    BLOBS,
    /** A layer, decoded. */
    LAYERS,
    /** Which layer a computation gave, by the digest of all that went into it. */
    DERIVED;

    String directory() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * The directory, which is made where it is missing.
   *
   * @param maxBytes the most that all of its files may have
   */
  public CacheDirectory(Path directory, long maxBytes) throws IOException {
    this.directory = directory;
    this.maxBytes = maxBytes;
    this.stepBytes = Math.min(MAX_STEP_BYTES, Math.max(1, maxBytes / MIN_STEPS));
    for (Kind kind : Kind.values()) {
      Files.createDirectories(directory.resolve(kind.directory()));
    }
    Files.createDirectories(ingest());
    this.locks = FileLocks.of(directory, "locks");
    sweepIngest();
  }

  /** A file that is open, and stays in the cache until it is closed. */
  record Pinned(FileChannel channel, FileLocks.Held lock) implements Closeable {
    @Override
    public void close() throws IOException {
      try (lock) {
        channel.close();
      }
    }
  }

  /**
   * How full the cache is, and of what use it was to this worker.
   *
   * @param limit the most bytes that it may have
   * @param bytes what it has, of all workers
   * @param found how often content was there when it was asked for
   * @param missed how often it was not
   * @param evicted files that this worker let go to make room
   */
  public record Use(long limit, long bytes, long found, long missed, long evicted) {}

  /** The figures of this moment. */
  Use use() throws IOException {
    long bytes = inputBytes();
    for (Kind kind : Kind.values()) {
      bytes += bytes(files(directory.resolve(kind.directory()), 2));
    }
    bytes += bytes(files(ingest(), 1));
    return new Use(maxBytes, bytes, found.get(), missed.get(), evicted.get());
  }

  private static long bytes(List<Path> files) throws IOException {
    long bytes = 0;
    for (Path file : files) {
      bytes += stat(file).map(Stat::bytes).orElse(0L);
    }
    return bytes;
  }

  /** The file of {@code digest}, where it is there. */
  Optional<Pinned> open(Kind kind, Digest digest) throws IOException {
    Optional<Pinned> pinned = find(kind, digest);
    (pinned.isPresent() ? found : missed).incrementAndGet();
    return pinned;
  }

  private Optional<Pinned> find(Kind kind, Digest digest) throws IOException {
    Path file = path(kind, digest);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    FileLocks.Held lock = locks.shared(name(kind, digest), OTHERS);
    try {
      FileChannel channel = FileChannel.open(file);
      touch(file);
      return Optional.of(new Pinned(channel, lock));
    } catch (NoSuchFileException e) {
      lock.close(); // it went to make room just now
      return Optional.empty();
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  /** The file of {@code digest}, which is there. For the holder of the exclusive lock. */
  FileChannel read(Kind kind, Digest digest) throws IOException {
    return FileChannel.open(path(kind, digest));
  }

  /** The size of what is there for {@code digest}; empty where nothing is. */
  OptionalLong size(Kind kind, Digest digest) throws IOException {
    try {
      return OptionalLong.of(Files.size(path(kind, digest)));
    } catch (NoSuchFileException e) {
      return OptionalLong.empty();
    }
  }

  /** Waits until nobody else reads or writes {@code digest}. */
  FileLocks.Held exclusive(Kind kind, Digest digest, Runnable stillWanted) throws IOException {
    return locks.exclusive(name(kind, digest), OTHERS, stillWanted);
  }

  /**
   * The file in which {@code digest} is written until it is whole; what an earlier writer left is
   * still there. For the holder of the exclusive lock.
   */
  CachePart part(Kind kind, Digest digest) throws IOException {
    Path file = ingest().resolve(name(kind, digest).replace('/', '-') + ".part");
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
    return new CachePart(this, file, channel, path(kind, digest), stepBytes);
  }

  /** Removes what turned out not to be what its name says. For the holder of the exclusive lock. */
  void remove(Kind kind, Digest digest) throws IOException {
    Files.deleteIfExists(path(kind, digest));
  }

  /** A file without a name, which is gone when it is closed. */
  FileChannel unnamed() throws IOException {
    Path file = Files.createTempFile(ingest(), "input", ".part");
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
    Files.delete(file);
    inputs.add(channel);
    return channel;
  }

  private long inputBytes() throws IOException {
    inputs.removeIf(input -> !input.isOpen());
    long bytes = 0;
    for (FileChannel input : inputs) {
      try {
        bytes += input.size();
      } catch (ClosedChannelException e) {
        LOG.debug("an input was closed just now");
      }
    }
    return bytes;
  }

  /**
   * Lets files go until every writer has room for its next step, and {@code more} bytes have too.
   *
   * @throws CacheFullException where all that is left is in use
   */
  @SuppressWarnings("try") // the lock is held, not used
  void makeRoom(long more) throws IOException {
    try (FileLocks.Held room = locks.exclusive(ROOM_LOCK, ROOM, () -> {})) {
      List<Stored> stored = stored();
      long used = more + inputBytes() + stored.stream().mapToLong(Stored::bytes).sum();
      for (Stored next : stored) {
        if (used <= maxBytes) {
          break;
        }
        if (evict(next)) {
          used -= next.bytes();
        }
      }
      if (used > maxBytes) {
        throw new CacheFullException(
            "the cache "
                + directory
                + " may hold "
                + maxBytes
                + " bytes, and builds that run need "
                + used
                + "; give it more by --cache-bytes, or let fewer builds run at once");
      }
    }
  }

  @SuppressWarnings("try") // the lock is held, not used
  private boolean evict(Stored file) throws IOException {
    Optional<FileLocks.Held> lock = locks.tryExclusive(file.name());
    if (lock.isEmpty()) {
      return false;
    }
    try (FileLocks.Held held = lock.get()) {
      LOG.info("{} goes from the cache to make room, {} bytes", file.name(), file.bytes());
      evicted.incrementAndGet();
      return Files.deleteIfExists(file.path());
    }
  }

  /**
   * A file that counts.
   *
   * @param name of its lock
   * @param bytes with what its writer may write before it asks again
   */
  private record Stored(Path path, String name, long bytes, Instant used) {}

  /** All files, those that were used longest ago first. */
  private List<Stored> stored() throws IOException {
    List<Stored> all = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      Path top = directory.resolve(kind.directory());
      for (Path file : files(top, 2)) {
        add(all, file, kind.directory() + "/" + top.relativize(file), 0);
      }
    }
    for (Path file : files(ingest(), 1)) {
      add(all, file, partName(file), stepBytes);
    }
    all.sort(Comparator.comparing(Stored::used).thenComparing(Stored::name));
    return all;
  }

  private static void add(List<Stored> all, Path file, String name, long more) throws IOException {
    stat(file).ifPresent(stat -> all.add(new Stored(file, name, stat.bytes() + more, stat.used())));
  }

  /** The files below {@code top}, which come and go meanwhile; directories stay. */
  private static List<Path> files(Path top, int depth) throws IOException {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(top)) {
      for (Path entry : entries) {
        if (Files.isRegularFile(entry)) {
          files.add(entry);
        } else if (depth > 1 && Files.isDirectory(entry)) {
          files.addAll(files(entry, depth - 1));
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return files;
  }

  /** Size and last use of a file. */
  private record Stat(long bytes, Instant used) {}

  /** Empty where another worker has finished or removed it just now. */
  private static Optional<Stat> stat(Path file) throws IOException {
    try {
      return Optional.of(new Stat(Files.size(file), Files.getLastModifiedTime(file).toInstant()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  static void touch(Path file) throws IOException {
    Instant now = Instant.now();
    Instant noted = Files.getLastModifiedTime(file).toInstant();
    // A clock that was wrong may have noted a use in the future.
    if (Duration.between(noted, now).abs().compareTo(USE) > 0) {
      Files.setLastModifiedTime(file, FileTime.from(now));
    }
  }

  private Path path(Kind kind, Digest digest) {
    return directory.resolve(kind.directory()).resolve(digest.algorithm()).resolve(digest.hex());
  }

  private static String name(Kind kind, Digest digest) {
    return kind.directory() + "/" + digest.algorithm() + "/" + digest.hex();
  }

  private Path ingest() {
    return directory.resolve("ingest");
  }

  /** The name of what a part is to be. */
  private static String partName(Path part) {
    return part.getFileName().toString().replaceFirst("\\.part$", "").replace('-', '/');
  }

  /** Deletes parts that nobody writes and nobody has gone on with for long. */
  private void sweepIngest() throws IOException {
    Instant limit = Instant.now().minus(ABANDONED);
    for (Path file : files(ingest(), 1)) {
      Optional<Stat> stat = stat(file);
      if (stat.isPresent() && stat.get().used().isBefore(limit)) {
        boolean unused =
            evict(new Stored(file, partName(file), stat.get().bytes(), stat.get().used()));
        LOG.debug("{} was abandoned, deleted: {}", file, unused);
      }
    }
  }
}
