package dev.nexrootfs.service;

import dev.nexrootfs.build.Dependencies;
import dev.nexrootfs.build.RootfsBuild;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.store.Glance;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds the results of requests that were made before, in two round trips: one for the record, one
 * for everything that has to be as it was. Whatever is not as it was, or takes long to find out, is
 * no hit; a job finds out the long way.
 */
final class Hits {
  private static final Logger LOG = LoggerFactory.getLogger(Hits.class);

  /** A registry that takes longer is asked by a job. */
  private static final Duration PATIENCE = Duration.ofSeconds(1);

  private static final int LOOKS_AT_ONCE = 8;

  private final BuildRecords records;
  private final RootfsBuild build;
  private final BucketSink bucket;
  private final Glance glance;
  private final String worker;
  private final ExecutorService looks =
      new ThreadPoolExecutor(
          0,
          LOOKS_AT_ONCE,
          30,
          TimeUnit.SECONDS,
          new SynchronousQueue<>(),
          task -> new Thread(task, "manifest-look"));

  Hits(BuildRecords records, RootfsBuild build, BucketSink bucket, Glance glance, String worker) {
    this.records = records;
    this.build = build;
    this.bucket = bucket;
    this.glance = glance;
    this.worker = worker;
  }

  /** The result of {@code job}, where it is there and what it depends on is as it was. */
  Optional<BuildReply> find(Job job) throws RequestException {
    long start = System.nanoTime();
    Optional<BuildRecords.Hit> record = records.hit(job.fingerprint());
    if (record.isEmpty()) {
      return Optional.empty();
    }
    BuildReply earlier = record.get().reply();
    // Before the look: whoever makes room in the bucket looks once more before it deletes.
    records.note(BuildRecords.usedKey(earlier.object()), job.id());
    if (!isAsItWas(job, record.get())) {
      return Optional.empty();
    }
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    return Optional.of(earlier.asHit(job.id(), worker, millis));
  }

  private boolean isAsItWas(Job job, BuildRecords.Hit record) {
    BuildReply earlier = record.reply();
    BuildRequest request = job.request();
    List<CompletableFuture<Boolean>> questions = new ArrayList<>();
    for (Dependencies.BucketObject input : record.dependencies().objects()) {
      questions.add(
          glance
              .object(input.bucket(), input.object())
              .thenApply(seen -> seen.filter(s -> s.digest().equals(input.digest())).isPresent()));
    }
    questions.add(objectIsWhole(job, record));
    List<CompletableFuture<Boolean>> links = new ArrayList<>();
    for (Map.Entry<String, String> link :
        BucketSink.targetsOf(request, earlier.object()).entrySet()) {
      links.add(
          glance
              .object(earlier.bucket(), link.getKey())
              .thenApply(
                  seen -> seen.filter(s -> s.linksTo().equals(link.getValue())).isPresent()));
      if (!link.getValue().equals(earlier.object())) {
        questions.add(
            glance.object(earlier.bucket(), link.getValue()).thenApply(Optional::isPresent));
      }
    }
    try {
      Future<Boolean> manifest = manifestIsAsItWas(request, record.dependencies());
      if (!earlier.bucket().equals(bucket.bucket())
          || !all(questions)
          || !manifest.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        return false;
      }
      if (!all(links)) {
        bucket.link(earlier.object(), request);
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } catch (ExecutionException | TimeoutException | RejectedExecutionException | IOException e) {
      LOG.debug("no quick answer for {}: {}", request.image(), e.toString());
      return false;
    }
  }

  /** Whether the object is what it was, and all of its chunks are there. */
  private CompletableFuture<Boolean> objectIsWhole(Job job, BuildRecords.Hit record) {
    BuildReply earlier = record.reply();
    CompletableFuture<Optional<Glance.Seen>> object =
        glance
            .object(earlier.bucket(), earlier.object())
            .thenApply(seen -> seen.filter(s -> s.digest().equals(earlier.digest())));
    String known = record.nuid();
    if (known != null) {
      return object.thenCombine(
          glance.chunks(earlier.bucket(), known),
          (seen, stored) ->
              seen.filter(s -> s.nuid().equals(known) && s.chunks() == stored).isPresent());
    }
    return object.thenCompose(
        seen -> {
          if (seen.isEmpty()) {
            return CompletableFuture.completedFuture(false);
          }
          String nuid = seen.get().nuid();
          records.note(
              BuildRecords.hitKey(job.fingerprint()),
              new BuildRecords.Hit(earlier, record.dependencies(), nuid));
          return glance
              .chunks(earlier.bucket(), nuid)
              .thenApply(stored -> stored == seen.get().chunks());
        });
  }

  private Future<Boolean> manifestIsAsItWas(BuildRequest request, Dependencies dependencies) {
    String manifest = dependencies.manifest();
    return manifest == null
        ? CompletableFuture.completedFuture(true)
        : looks.submit(() -> build.manifest(request).equals(manifest));
  }

  private static boolean all(List<CompletableFuture<Boolean>> answers)
      throws InterruptedException, ExecutionException, TimeoutException {
    for (CompletableFuture<Boolean> answer : answers) {
      try {
        if (!answer.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
          return false;
        }
      } catch (java.util.concurrent.CancellationException e) {
        throw new ExecutionException("not answered", e);
      }
    }
    return true;
  }

  void close() {
    looks.shutdown();
  }
}
