package dev.nexrootfs.build;

import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.oci.Image;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLongArray;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings an image's layers into the cache, several at once, each downloaded, decoded and looked
 * through for whiteouts in one go.
 */
public final class LayerPull {
  private static final Logger LOG = LoggerFactory.getLogger(LayerPull.class);

  /** Registries and disks are slower than a core; with more cores, decoding is what takes time. */
  private static final int AT_ONCE = Math.max(4, Runtime.getRuntime().availableProcessors());

  private final Image image;
  private final LayerCache cache;
  private final Progress progress;
  private final AtomicLongArray done;
  private final long total;
  private volatile boolean cancelled;

  private LayerPull(Image image, LayerCache cache, Progress progress) {
    this.image = image;
    this.cache = cache;
    this.progress = progress;
    this.done = new AtomicLongArray(image.layers().size());
    this.total = image.layers().stream().mapToLong(layer -> layer.blob().size()).sum();
  }

  /**
   * The layers of {@code image}, lowest first; closing them is the caller's.
   *
   * @param progress is told the bytes of all blobs so far
   */
  public static List<DecodedLayer> of(Image image, LayerCache cache, Progress progress)
      throws IOException {
    return image.layers().isEmpty() ? List.of() : new LayerPull(image, cache, progress).pull();
  }

  private List<DecodedLayer> pull() throws IOException {
    int count = image.layers().size();
    ExecutorService threads =
        Executors.newFixedThreadPool(
            Math.min(AT_ONCE, count), task -> new Thread(task, "layer-pull"));
    List<Future<DecodedLayer>> futures = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int number = i;
      futures.add(threads.submit(() -> layer(number)));
    }
    threads.shutdown();
    List<DecodedLayer> layers = new ArrayList<>();
    Throwable failure = null;
    for (Future<DecodedLayer> future : futures) {
      try {
        layers.add(future.get());
      } catch (ExecutionException e) {
        failure = cause(failure, java.util.Objects.requireNonNullElse(e.getCause(), e));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        cancelled = true;
        failure = cause(failure, new IOException("interrupted while layers were read", e));
      }
    }
    if (failure == null) {
      return layers;
    }
    close(layers);
    if (failure instanceof IOException io) {
      throw io;
    }
    if (failure instanceof CancellationException stopped) {
      throw stopped;
    }
    if (failure instanceof Error error) {
      throw error;
    }
    throw new IllegalStateException("a layer could not be read", failure);
  }

  /** The first failure that is not only the echo of another. */
  private Throwable cause(@org.jspecify.annotations.Nullable Throwable first, Throwable next) {
    cancelled = true;
    return first == null || first instanceof CancellationException ? next : first;
  }

  private DecodedLayer layer(int number) throws IOException {
    try {
      return cache.layer(image.layers().get(number), image.blobs(), bytes -> report(number, bytes));
    } catch (IOException | RuntimeException | Error e) {
      cancelled = true;
      throw e;
    }
  }

  private void report(int number, long bytes) {
    if (cancelled) {
      throw new CancellationException("another layer failed");
    }
    done.set(number, bytes);
    long sum = 0;
    int whole = 0;
    for (int i = 0; i < done.length(); i++) {
      sum += done.get(i);
      whole += done.get(i) == image.layers().get(i).blob().size() ? 1 : 0;
    }
    String message =
        "read " + sum + " of " + total + " bytes, " + whole + " of " + done.length() + " layers";
    synchronized (this) {
      progress.report(Phase.LAYERS, Phase.LAYERS.percent(sum, total), message);
    }
  }

  /** Closes layers that nobody needs any more. */
  public static void close(List<DecodedLayer> layers) {
    for (DecodedLayer layer : layers) {
      try {
        layer.close();
      } catch (IOException e) {
        LOG.warn("layer {} could not be closed: {}", layer.diffId(), e.toString());
      }
    }
  }
}
