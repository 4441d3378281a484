package dev.nexrootfs.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.layer.CacheDirectory.Kind;
import dev.nexrootfs.oci.Digest;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CacheDirectoryTest {
  private static final int SIZE = 100_000;
  private static final long LIMIT = 5 * SIZE;

  @TempDir Path directory;

  private CacheDirectory open() throws IOException {
    return new CacheDirectory(directory, LIMIT);
  }

  private static byte[] content(int number) {
    byte[] bytes = new byte[SIZE];
    new Random(number).nextBytes(bytes);
    return bytes;
  }

  private static Digest digest(int number) {
    return Digest.sha256(content(number));
  }

  /** Writes file {@code number}, last used so many minutes ago. */
  private void write(CacheDirectory cache, int number, int minutesAgo) throws IOException {
    byte[] bytes = content(number);
    try (FileLocks.Held lock = cache.exclusive(Kind.BLOBS, digest(number), () -> {});
        CachePart part = cache.part(Kind.BLOBS, digest(number))) {
      assertThat(lock).isNotNull();
      for (int at = 0; at < SIZE; at += 1000) {
        part.append(at, bytes, at, 1000);
      }
      part.commit();
    }
    Files.setLastModifiedTime(
        directory.resolve("blobs/sha256").resolve(digest(number).hex()),
        FileTime.from(Instant.now().minus(Duration.ofMinutes(minutesAgo))));
  }

  private long bytesOnDisk() throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      return files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
    }
  }

  private boolean has(CacheDirectory cache, int number) throws IOException {
    return cache.size(Kind.BLOBS, digest(number)).isPresent();
  }

  @Test
  void whatWasUsedLongestAgoGoesFirstAndTheLimitIsNeverPassed() throws Exception {
    CacheDirectory cache = open();
    write(cache, 1, 30);
    write(cache, 2, 40);
    write(cache, 3, 20);
    cache.open(Kind.BLOBS, digest(2)).orElseThrow().close(); // used just now
    for (int number = 4; number < 12; number++) {
      write(cache, number, 0);
      assertThat(bytesOnDisk()).isLessThanOrEqualTo(LIMIT);
      assertThat(has(cache, number)).isTrue();
    }
    assertThat(has(cache, 1)).isFalse();
    assertThat(has(cache, 3)).isFalse();
  }

  @Test
  void whatIsOpenStaysThoughItIsTheOldest() throws Exception {
    CacheDirectory cache = open();
    write(cache, 1, 600);
    try (CacheDirectory.Pinned pinned = cache.open(Kind.BLOBS, digest(1)).orElseThrow()) {
      for (int number = 2; number < 9; number++) {
        write(cache, number, 0);
      }
      assertThat(has(cache, 1)).isTrue();
      ByteBuffer all = ByteBuffer.allocate(SIZE);
      while (all.hasRemaining()) {
        assertThat(pinned.channel().read(all, all.position())).isPositive();
      }
      assertThat(all.array()).isEqualTo(content(1));
    }
  }

  @Test
  void cacheWhoseFilesAreAllOpenIsFullAndSaysWhatToDo() throws Exception {
    CacheDirectory cache = open();
    for (int number = 1; number <= 4; number++) {
      write(cache, number, number);
      assertThat(cache.open(Kind.BLOBS, digest(number))).isPresent();
    }
    assertThatThrownBy(() -> write(cache, 5, 0))
        .isInstanceOf(CacheFullException.class)
        .hasMessageContaining("--cache-bytes")
        .hasMessageContaining(Long.toString(LIMIT));
    assertThat(bytesOnDisk()).isLessThanOrEqualTo(LIMIT);
  }

  @Test
  void singleWriteThatIsLargerThanTheLimitIsRefusedBeforeItIsMade() throws Exception {
    CacheDirectory cache = open();
    byte[] large = new byte[(int) LIMIT + 1];
    try (FileLocks.Held lock = cache.exclusive(Kind.LAYERS, Digest.sha256(large), () -> {});
        CachePart part = cache.part(Kind.LAYERS, Digest.sha256(large))) {
      assertThat(lock).isNotNull();
      assertThatThrownBy(() -> part.append(0, large, 0, large.length))
          .isInstanceOf(CacheFullException.class);
    }
    assertThat(bytesOnDisk()).isZero();
  }

  @Test
  void inputsCountAsLongAsTheyAreOpen() throws Exception {
    CacheDirectory cache = open();
    LayerCache layers = new LayerCache(cache, LIMIT * 2);
    write(cache, 1, 10);
    SpooledInput input = layers.spool("input", target -> target.write(new byte[4 * SIZE + 1]));
    assertThat(has(cache, 1)).isFalse();
    assertThatThrownBy(() -> layers.spool("other", target -> target.write(new byte[2 * SIZE])))
        .isInstanceOf(CacheFullException.class);
    input.close();
    layers.spool("other", target -> target.write(new byte[2 * SIZE])).close();
  }

  @Test
  void partIsThereForTheNextWriterUntilItIsWhole() throws Exception {
    CacheDirectory cache = open();
    try (CachePart part = cache.part(Kind.BLOBS, digest(1))) {
      part.append(0, content(1), 0, 5000);
    }
    assertThat(has(cache, 1)).isFalse();
    try (CachePart part = open().part(Kind.BLOBS, digest(1))) {
      assertThat(part.channel().size()).isEqualTo(5000);
      part.discard();
    }
    try (CachePart part = cache.part(Kind.BLOBS, digest(1))) {
      assertThat(part.channel().size()).isZero();
    }
    assertThat(directory.resolve("ingest")).isEmptyDirectory();
  }

  @Test
  void partThatNobodyWentOnWithIsSweptAndOneThatIsBeingWrittenNot() throws Exception {
    CacheDirectory cache = open();
    try (FileLocks.Held lock = cache.exclusive(Kind.BLOBS, digest(1), () -> {})) {
      assertThat(lock).isNotNull();
      for (int number : new int[] {1, 2}) {
        try (CachePart part = cache.part(Kind.BLOBS, digest(number))) {
          part.append(0, content(number), 0, 10);
        }
      }
      try (Stream<Path> parts = Files.list(directory.resolve("ingest"))) {
        for (Path part : parts.toList()) {
          Files.setLastModifiedTime(part, FileTime.from(Instant.now().minus(Duration.ofDays(3))));
        }
      }
      assertThat(open()).isNotNull();
      try (Stream<Path> parts = Files.list(directory.resolve("ingest"))) {
        assertThat(parts.map(part -> part.getFileName().toString()))
            .containsExactly("blobs-sha256-" + digest(1).hex() + ".part");
      }
    }
  }

  @Test
  void partsThatComeAndGoWhileRoomIsMadeAreNoFault() throws Exception {
    CacheDirectory cache = open();
    AtomicBoolean stop = new AtomicBoolean();
    ExecutorService other = Executors.newSingleThreadExecutor();
    Path ingest = directory.resolve("ingest");
    Future<?> writer =
        other.submit(
            () -> {
              for (int i = 0; !stop.get(); i = (i + 1) % 50) {
                Path part = ingest.resolve("input" + i + ".part");
                Files.deleteIfExists(part);
                Files.write(part, new byte[1]);
              }
              return null;
            });
    try {
      for (int i = 0; i < 300; i++) {
        cache.makeRoom(0);
      }
    } finally {
      stop.set(true);
      writer.get();
      other.shutdown();
    }
    assertThat(cache.use().bytes()).isBetween(1L, 50L);
  }

  @Test
  void figuresSayWhatIsThereAndWhatWasFound() throws Exception {
    CacheDirectory cache = open();
    assertThat(cache.open(Kind.BLOBS, digest(1))).isEmpty();
    write(cache, 1, 0);
    cache.open(Kind.BLOBS, digest(1)).orElseThrow().close();
    long bytes = Files.size(directory.resolve("blobs/sha256").resolve(digest(1).hex()));
    assertThat(cache.use()).isEqualTo(new CacheDirectory.Use(LIMIT, bytes, 1, 1, 0));
  }

  @Test
  void useInTheFutureByAWrongClockIsPutRight() throws Exception {
    CacheDirectory cache = open();
    write(cache, 1, -100_000);
    Path file = directory.resolve("blobs/sha256").resolve(digest(1).hex());
    cache.open(Kind.BLOBS, digest(1)).orElseThrow().close();
    assertThat(Files.getLastModifiedTime(file).toInstant()).isBefore(Instant.now().plusSeconds(60));
  }

  @Test
  void directoryThatCannotBeWrittenIsAnErrorWithItsPath() throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "x");
    assertThatThrownBy(() -> new CacheDirectory(file.resolve("cache"), LIMIT))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(file.toString());
  }
}
