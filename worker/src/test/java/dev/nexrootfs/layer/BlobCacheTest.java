package dev.nexrootfs.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oci.BlobSource;
import dev.nexrootfs.oci.Descriptor;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.DigestMismatchException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.SequenceInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class BlobCacheTest {
  @TempDir Path directory;
  private final byte[] bytes = new byte[400_000];
  private Descriptor blob = new Descriptor(null, Digest.sha256(bytes), 0, null, null);

  @SuppressWarnings("NullAway.Init") // made before each test
  private CacheDirectory cache;

  @BeforeEach
  void fill() throws IOException {
    cache = new CacheDirectory(directory, 1L << 30);
    new Random(7).nextBytes(bytes);
    blob = new Descriptor(null, Digest.sha256(bytes), bytes.length, null, null);
  }

  /** An origin that counts, and serves what it is told. */
  private static final class Origin implements BlobSource {
    private final byte[] served;
    private final int breaksAt;
    private final List<Long> asked = new ArrayList<>();

    Origin(byte[] served, int breaksAt) {
      this.served = served;
      this.breaksAt = breaksAt;
    }

    @Override
    public InputStream open(Descriptor descriptor) {
      return open(descriptor, 0);
    }

    @Override
    public synchronized InputStream open(Descriptor descriptor, long from) {
      asked.add(from);
      int end = breaksAt < 0 ? served.length : breaksAt;
      InputStream some = new ByteArrayInputStream(served, (int) from, end - (int) from);
      return breaksAt < 0 ? some : new SequenceInputStream(some, new Broken());
    }

    @Override
    public String place() {
      return "origin";
    }

    @Override
    public void close() {}
  }

  /** A connection that is gone. */
  private static final class Broken extends InputStream {
    @Override
    public int read() throws IOException {
      throw new IOException("cut off");
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
      throw new IOException("cut off");
    }
  }

  private Origin origin() {
    return new Origin(bytes, -1);
  }

  private byte[] read(BlobSource blobs) throws IOException {
    try (InputStream in = blobs.openVerified(blob)) {
      return in.readAllBytes();
    }
  }

  private BlobSource over(BlobSource origin) {
    return new BlobCache(cache, BlobExchange.NONE).over(origin, () -> {});
  }

  private Path file() {
    return directory.resolve("blobs/sha256").resolve(blob.digest().hex());
  }

  @Test
  void blobIsAskedForOnce() throws Exception {
    Origin origin = origin();
    BlobSource blobs = over(origin);
    assertThat(read(blobs)).isEqualTo(bytes);
    assertThat(read(blobs)).isEqualTo(bytes);
    assertThat(origin.asked).containsExactly(0L);
    assertThat(file()).hasBinaryContent(bytes);
    assertThat(directory.resolve("ingest")).isEmptyDirectory();
  }

  @Test
  void downloadThatBrokeGoesOnWhereItStopped() throws Exception {
    assertThatThrownBy(() -> read(over(new Origin(bytes, 123_456)))).hasMessage("cut off");
    assertThat(file()).doesNotExist();
    Origin origin = origin();
    assertThat(read(over(origin))).isEqualTo(bytes);
    assertThat(origin.asked).containsExactly(123_456L);
  }

  @Test
  void partWithBadBytesIsThrownAwayAndNobodyIsBlamed() throws Exception {
    assertThatThrownBy(() -> read(over(new Origin(new byte[400_000], 1000)))).hasMessage("cut off");
    Origin origin = origin();
    BlobSource blobs = over(origin);
    assertThatThrownBy(() -> read(blobs)).isInstanceOf(DigestMismatchException.class);
    assertThat(blobs.reject(blob)).isTrue();
    assertThat(read(blobs)).isEqualTo(bytes);
    assertThat(origin.asked).containsExactly(1000L, 0L);
  }

  @Test
  void partLongerThanTheBlobIsThrownAway() throws Exception {
    Path part = directory.resolve("ingest/blobs-sha256-" + blob.digest().hex() + ".part");
    Files.write(part, new byte[500_000]);
    assertThat(read(over(origin()))).isEqualTo(bytes);
  }

  @Test
  void partThatWasWholeButNotYetNamedNeedsNoRequest() throws Exception {
    Path part = directory.resolve("ingest/blobs-sha256-" + blob.digest().hex() + ".part");
    Files.write(part, bytes);
    Origin origin = origin();
    assertThat(read(over(origin))).isEqualTo(bytes);
    assertThat(origin.asked).isEmpty();
  }

  @Test
  void originWithBadBytesLeavesNothing() throws Exception {
    byte[] bad = bytes.clone();
    bad[5]++;
    BlobSource blobs = over(new Origin(bad, -1));
    assertThatThrownBy(() -> read(blobs)).isInstanceOf(DigestMismatchException.class);
    assertThat(blobs.reject(blob)).isFalse();
    assertThat(file()).doesNotExist();
    assertThat(directory.resolve("ingest")).isEmptyDirectory();
  }

  @Test
  void cachedBlobThatWasDamagedIsFetchedAgain() throws Exception {
    Origin origin = origin();
    BlobSource blobs = over(origin);
    read(blobs);
    for (byte[] damaged : new byte[][] {new byte[400_000], Arrays.copyOf(bytes, 10), {}}) {
      Files.write(file(), damaged);
      assertThatThrownBy(() -> read(blobs)).isInstanceOf(DigestMismatchException.class);
      assertThat(blobs.reject(blob)).isTrue();
      assertThat(read(blobs)).isEqualTo(bytes);
    }
    assertThat(origin.asked).hasSize(4);
  }

  @Test
  void threadsThatWantOneBlobMakeOneDownload() throws Exception {
    Origin origin = origin();
    ExecutorService threads = Executors.newFixedThreadPool(6);
    List<Callable<byte[]>> readers = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      readers.add(() -> read(over(origin)));
    }
    for (Future<byte[]> future : threads.invokeAll(readers)) {
      assertThat(future.get()).isEqualTo(bytes);
    }
    threads.shutdown();
    assertThat(origin.asked).containsExactly(0L);
  }

  /** A pool with one copy. */
  private final class Pool implements BlobExchange {
    private final List<String> said = new ArrayList<>();
    private final byte[] copy;

    Pool(byte[] copy) {
      this.copy = copy;
    }

    @Override
    public boolean fetch(Descriptor wanted, OutputStream target, Runnable stillWanted)
        throws IOException {
      said.add("fetch");
      target.write(copy);
      return copy.length > 0;
    }

    @Override
    public void offer(Descriptor offered, Opener opener) {
      try (InputStream in = opener.open()) {
        said.add("offer " + Digest.sha256(in.readAllBytes()).equals(blob.digest()));
      } catch (IOException e) {
        said.add("offer failed " + e);
      }
    }

    @Override
    public void reject(Descriptor rejected) {
      said.add("reject");
    }

    @Override
    public void giveUp(Descriptor given) {
      said.add("give up");
    }
  }

  @Test
  void blobThatThePoolHasIsNotAskedOfTheRegistry() throws Exception {
    Pool pool = new Pool(bytes);
    Origin origin = origin();
    assertThat(read(new BlobCache(cache, pool).over(origin, () -> {}))).isEqualTo(bytes);
    assertThat(origin.asked).isEmpty();
    assertThat(pool.said).containsExactly("fetch", "offer true");
  }

  @Test
  void blobThatThePoolMissesIsOfferedToIt() throws Exception {
    Pool pool = new Pool(new byte[0]);
    Origin origin = origin();
    assertThat(read(new BlobCache(cache, pool).over(origin, () -> {}))).isEqualTo(bytes);
    assertThat(origin.asked).containsExactly(0L);
    assertThat(pool.said).containsExactly("fetch", "offer true");
  }

  @Test
  void poolsCopyWithBadBytesIsRejectedAndTheRegistryAsked() throws Exception {
    for (byte[] copy : new byte[][] {new byte[400_000], new byte[10], new byte[500_000]}) {
      Files.deleteIfExists(file());
      Pool pool = new Pool(copy);
      Origin origin = origin();
      assertThat(read(new BlobCache(cache, pool).over(origin, () -> {}))).isEqualTo(bytes);
      assertThat(origin.asked).containsExactly(0L);
      assertThat(pool.said).containsExactly("fetch", "reject", "offer true");
    }
  }

  @Test
  void downloadThatFailsIsGivenUpBeforeThePool() throws Exception {
    Pool pool = new Pool(new byte[0]);
    assertThatThrownBy(() -> read(new BlobCache(cache, pool).over(new Origin(bytes, 10), () -> {})))
        .hasMessage("cut off");
    assertThat(pool.said).containsExactly("fetch", "give up");
  }
}
