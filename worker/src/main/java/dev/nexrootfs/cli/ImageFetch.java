package dev.nexrootfs.cli;

import dev.nexrootfs.build.FileDigest;
import dev.nexrootfs.build.PartialFile;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.Denial;
import dev.nexrootfs.store.ObjectBucket;
import dev.nexrootfs.store.ObjectDownload;
import dev.nexrootfs.store.StoreException;
import dev.nexrootfs.store.StoredObject;
import io.nats.client.Connection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An image on its way from a bucket into a file, which has at every moment the old bytes or the new
 * ones.
 */
final class ImageFetch {
  private static final Logger LOG = LoggerFactory.getLogger(ImageFetch.class);
  private static final long PAUSE_SECONDS = 1;

  private final Connection connection;
  private final Buckets buckets;
  private final FetchSource source;
  private final Path file;
  private final long deadline;
  private ObjectDownload.Way way = ObjectDownload.Way.CONSUMER;

  /**
   * Fetches {@code source} into {@code file}.
   *
   * @param deadline by {@link System#nanoTime}
   */
  ImageFetch(Connection connection, FetchSource source, Path file, long deadline) {
    this.connection = connection;
    this.buckets = new Buckets(connection);
    this.source = source;
    this.file = file;
    this.deadline = deadline;
  }

  /**
   * What was done.
   *
   * @param object what the file holds now
   * @param changed whether it was written
   */
  record Outcome(StoredObject object, boolean changed) {}

  /**
   * The object as it is now; none where the bucket has none of the names.
   *
   * @throws CommandFailure where its digest is not the one that was asked for, or nobody answers
   *     within the time
   */
  Optional<StoredObject> find() throws IOException, CommandFailure {
    while (true) {
      Denial.forget(connection);
      try {
        ObjectBucket bucket = buckets.open(source.bucket());
        for (String name : source.names()) {
          Optional<StoredObject> found = bucket.resolve(name);
          if (found.isPresent()) {
            checkDigest(found.get());
            return found;
          }
        }
        return Optional.empty();
      } catch (StoreException e) {
        checkPasses(e);
        LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(PAUSE_SECONDS));
      }
    }
  }

  /** Whether the file holds {@code object} already. */
  boolean isFetched(StoredObject object) throws IOException {
    return Files.isRegularFile(file)
        && Files.size(file) == object.size()
        && FileDigest.of(file).equals(object.digest());
  }

  /**
   * Fetches.
   *
   * @param ifChanged leave the file where it holds the image already
   */
  Outcome fetch(ProgressLine line, boolean ifChanged) throws IOException, CommandFailure {
    StoredObject object = find().orElseThrow(this::notThere);
    if (ifChanged && isFetched(object)) {
      return new Outcome(object, false);
    }
    try (PartialFile target = PartialFile.of(file)) {
      while (!write(object, target, line)) {
        object = find().orElseThrow(this::notThere);
        target.restart();
      }
      line.show(100, "fetch", "fetched " + object.size() + " bytes");
      line.end();
      target.commit(object.digest());
      return new Outcome(object, true);
    }
  }

  /** Writes all of an object, or as much as there was before somebody replaced it. */
  private boolean write(StoredObject object, PartialFile target, ProgressLine line)
      throws IOException, CommandFailure {
    ObjectDownload download = buckets.open(object.bucket()).download(object, way);
    long size = Math.max(1, object.size());
    try {
      download.writeTo(
          target,
          () -> deadline,
          bytes ->
              line.show(
                  (int) (99 * bytes / size),
                  "fetch",
                  "fetched " + bytes + " of " + size + " bytes"));
      if (download.attempts() > 1) {
        LOG.warn(
            "{} was fetched in {} parts: the server, the connection or a replica was away",
            object.location(),
            download.attempts());
      }
      return true;
    } catch (StoreException e) {
      boolean isLeftOut =
          e.reason() == StoreException.Reason.LEFT_OUT && way == ObjectDownload.Way.CONSUMER;
      if (e.reason() != StoreException.Reason.REPLACED && !isLeftOut) {
        checkPasses(e);
        throw e;
      }
      way = isLeftOut ? ObjectDownload.Way.LEADER : way;
      LOG.warn("{}; beginning anew", e.getMessage());
      return false;
    }
  }

  private void checkDigest(StoredObject object) throws CommandFailure {
    if (source.digest().isPresent() && !source.digest().get().equals(object.digest())) {
      throw new CommandFailure(
          object.location()
              + " has "
              + object.digest()
              + " where "
              + source.digest().get()
              + " is asked for; "
              + file
              + " is left as it was");
    }
  }

  private void checkPasses(StoreException e) throws StoreException, CommandFailure {
    Optional<String> denial = Denial.of(connection);
    if (denial.isPresent()) {
      // To the client it looks like a server that does not answer.
      throw new CommandFailure(
          "this identity may not read the bucket "
              + source.bucket()
              + ": "
              + denial.get()
              + "; deploy/nats/users.conf has what a node needs. "
              + file
              + " is left as it was",
          e);
    }
    if (System.nanoTime() + TimeUnit.SECONDS.toNanos(PAUSE_SECONDS) - deadline > 0) {
      throw new CommandFailure(
          ExitStatus.TIMED_OUT, e.getMessage() + "; " + file + " is left as it was", e);
    }
    if (e.reason() != StoreException.Reason.FAILED) {
      throw e;
    }
  }

  private CommandFailure notThere() {
    return new CommandFailure(
        ExitStatus.NOT_THERE,
        source + " is not there; nats object ls " + source.bucket() + " shows what is",
        null);
  }
}
