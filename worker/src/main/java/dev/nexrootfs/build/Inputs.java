package dev.nexrootfs.build;

import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.SpooledInput;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.ImageArchive;
import dev.nexrootfs.oci.ImageLayout;
import dev.nexrootfs.oci.ImageNotFoundException;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.ObjectBucket;
import dev.nexrootfs.store.ObjectLocation;
import dev.nexrootfs.store.StoreException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Where requests' inputs come from: buckets, and paths of this machine where they are allowed. */
public final class Inputs {
  private static final String OCI = "oci:";
  private static final String OCI_ARCHIVE = "oci-archive:";
  private static final String DOCKER_ARCHIVE = "docker-archive:";

  private final LayerCache cache;
  private final PathPolicy paths;
  private final Optional<Buckets> buckets;

  /**
   * Inputs for builds on this machine.
   *
   * @param buckets none without NATS
   */
  public Inputs(LayerCache cache, PathPolicy paths, Optional<Buckets> buckets) {
    this.cache = cache;
    this.paths = paths;
    this.buckets = buckets;
  }

  /** The base image of {@code reference}; closing its blobs is the caller's. */
  Image image(String reference, Platform platform) throws IOException, RequestException {
    if (reference.startsWith(ObjectLocation.SCHEME)) {
      SpooledInput archive = spoolObject("image", reference);
      return ImageArchive.open(archive.channel(), reference, "", platform);
    }
    if (reference.startsWith(OCI)) {
      PathAndTag at = splitTag(reference.substring(OCI.length()));
      return ImageLayout.open(paths.resolve("image", at.path()), at.tag(), platform);
    }
    if (reference.startsWith(OCI_ARCHIVE)) {
      return archive(reference.substring(OCI_ARCHIVE.length()), platform);
    }
    if (reference.startsWith(DOCKER_ARCHIVE)) {
      return archive(reference.substring(DOCKER_ARCHIVE.length()), platform);
    }
    throw new RequestException(
        ErrorCode.UNSUPPORTED,
        "image: this worker does not pull from registries, so it has no "
            + reference.replaceFirst("[?].*", "")
            + "; give nats://BUCKET/object, oci:DIR[:tag], oci-archive:FILE or docker-archive:FILE");
  }

  /**
   * Copies an input of {@code source}, which is a location in a bucket or an allowed path.
   *
   * @param field the request's field that names it
   */
  SpooledInput spool(String field, String source) throws IOException, RequestException {
    if (source.startsWith(ObjectLocation.SCHEME)) {
      return spoolObject(field, source);
    }
    if (source.startsWith("https://") || source.startsWith("http://")) {
      throw new RequestException(
          ErrorCode.UNSUPPORTED,
          field
              + ": this worker does not fetch from the web, so not "
              + source.replaceFirst("[?].*", "")
              + "; put it into a bucket");
    }
    Path file = paths.resolve(field, source);
    if (!Files.isRegularFile(file)) {
      throw new RequestException(
          ErrorCode.INPUT_NOT_FOUND, field + ": " + source + " is not a file");
    }
    return cache.spool(field + " " + source, target -> Files.copy(file, target));
  }

  /**
   * An archive of {@code FILE[:tag]}: the tag can be a whole reference, so the file is the shortest
   * that exists.
   */
  private Image archive(String text, Platform platform) throws IOException, RequestException {
    for (int colon = text.indexOf(':'); colon > 0; colon = text.indexOf(':', colon + 1)) {
      try {
        Path file = paths.resolve("image", text.substring(0, colon));
        if (Files.isRegularFile(file)) {
          return ImageArchive.open(file, text.substring(colon + 1), platform);
        }
      } catch (RequestException e) {
        if (e.code() != ErrorCode.INPUT_NOT_FOUND) {
          throw e;
        }
      }
    }
    return ImageArchive.open(paths.resolve("image", text), "", platform);
  }

  private SpooledInput spoolObject(String field, String source)
      throws IOException, RequestException {
    ObjectLocation location;
    try {
      location = ObjectLocation.parse(source);
    } catch (IllegalArgumentException e) {
      throw new RequestException(ErrorCode.INVALID_FIELD, field + ": " + e.getMessage(), e);
    }
    if (buckets.isEmpty()) {
      throw new RequestException(
          ErrorCode.SOURCE_NOT_ALLOWED,
          field + ": " + source + " needs a NATS connection, which a local build has not");
    }
    SpooledInput spooled = copyObject(field, location);
    if (location.digest().isPresent() && !location.digest().get().equals(spooled.digest())) {
      spooled.close();
      throw new RequestException(
          ErrorCode.DIGEST_MISMATCH,
          field
              + ": "
              + location
              + " has the digest "
              + spooled.digest()
              + " where the request says "
              + location.digest().get());
    }
    return spooled;
  }

  private SpooledInput copyObject(String field, ObjectLocation location)
      throws IOException, RequestException {
    try {
      ObjectBucket bucket = buckets.orElseThrow().open(location.bucket());
      return cache.spool(field + " " + location, target -> bucket.get(location.object(), target));
    } catch (StoreException e) {
      if (e.reason() == StoreException.Reason.NO_OBJECT) {
        throw new RequestException(ErrorCode.INPUT_NOT_FOUND, field + ": " + e.getMessage(), e);
      }
      throw e;
    }
  }

  /** A path and the tag behind its last colon; a colon before a slash belongs to the path. */
  private record PathAndTag(String path, String tag) {}

  private static PathAndTag splitTag(String text) throws ImageNotFoundException {
    int colon = text.lastIndexOf(':');
    if (colon > text.lastIndexOf('/')) {
      return new PathAndTag(text.substring(0, colon), text.substring(colon + 1));
    }
    if (text.isEmpty()) {
      throw new ImageNotFoundException("image: the path is empty");
    }
    return new PathAndTag(text, "");
  }
}
