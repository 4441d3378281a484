package dev.nexrootfs.build;

import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.SpooledInput;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.ImageArchive;
import dev.nexrootfs.oci.ImageLayout;
import dev.nexrootfs.oci.ImageNotFoundException;
import dev.nexrootfs.oci.ImageReference;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.registry.RegistryException;
import dev.nexrootfs.registry.WebFile;
import dev.nexrootfs.store.ObjectBucket;
import dev.nexrootfs.store.ObjectDownload.Way;
import dev.nexrootfs.store.ObjectLocation;
import dev.nexrootfs.store.StoreException;
import dev.nexrootfs.store.StoredObject;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where requests' inputs come from: buckets, registries, the web, and paths of this machine; each
 * as far as the operator allows it.
 */
public final class Inputs {
  private static final Logger LOG = LoggerFactory.getLogger(Inputs.class);

  private static final String OCI = "oci:";
  private static final String OCI_ARCHIVE = "oci-archive:";
  private static final String DOCKER_ARCHIVE = "docker-archive:";
  private static final Pattern WEB = Pattern.compile("(?i)https?://");
  private static final Pattern WEB_FILE =
      Pattern.compile("(https://[^\\s]+)@(sha(?:256|512):[0-9a-f]+)");

  private static final long MAX_SCRIPT_BYTES = 1 << 20;

  /** A script that is somewhere else: of the web, or an absolute path. */
  private static final Pattern SCRIPT_SOURCE = Pattern.compile("((?i)https?://|/)\\S*");

  /** What skopeo and podman call further places of images. */
  private static final Pattern OTHER_TRANSPORT =
      Pattern.compile("docker://|docker-daemon:|containers-storage:|dir:[./]");

  /** After that the build fails for want of its store, and tries again. */
  private static final Duration QUIET = Duration.ofSeconds(30);

  private final LayerCache cache;
  private final PathPolicy paths;
  private final BucketInputs buckets;
  private final Optional<RegistryImages> registries;

  /**
   * Inputs for builds on this machine.
   *
   * @param registries none for whoever pulls nothing
   */
  public Inputs(
      LayerCache cache,
      PathPolicy paths,
      BucketInputs buckets,
      Optional<RegistryImages> registries) {
    this.cache = cache;
    this.paths = paths;
    this.buckets = buckets;
    this.registries = registries;
  }

  /**
   * The base image of {@code reference}; closing its blobs is the caller's.
   *
   * @throws RequestException where the reference is none, or names what is not allowed
   */
  public Image image(String reference, Platform platform, InputLog log)
      throws IOException, RequestException {
    if (reference.startsWith(ObjectLocation.SCHEME)) {
      SpooledInput archive = spoolObject("image", reference, log);
      return ImageArchive.open(
          cache.decoded(reference, archive.channel(), log::check),
          reference,
          "",
          platform,
          log::check);
    }
    if (reference.startsWith(OCI)) {
      PathAndTag at = splitTag(reference.substring(OCI.length()));
      Image image = ImageLayout.open(paths.resolve("image", at.path()), at.tag(), platform);
      log.manifest(image.manifestDigest().text());
      return image;
    }
    if (reference.startsWith(OCI_ARCHIVE)) {
      log.localFile();
      return archive(reference.substring(OCI_ARCHIVE.length()), platform, log);
    }
    if (reference.startsWith(DOCKER_ARCHIVE)) {
      log.localFile();
      return archive(reference.substring(DOCKER_ARCHIVE.length()), platform, log);
    }
    Image image = fromRegistry(reference, platform, log);
    if (!reference.contains("@")) {
      log.manifest(image.manifestDigest().text());
    }
    return image;
  }

  /**
   * The digest of the manifest that {@code reference} names now: what {@link Dependencies} have of
   * it.
   */
  String manifest(String reference, Platform platform) throws IOException, RequestException {
    Image image = image(reference, platform, new InputLog());
    image.blobs().close();
    return image.manifestDigest().text();
  }

  private Image fromRegistry(String reference, Platform platform, InputLog log)
      throws IOException, RequestException {
    Matcher transport = OTHER_TRANSPORT.matcher(reference);
    if (transport.lookingAt()) {
      throw new RequestException(
          ErrorCode.INVALID_FIELD,
          "image: "
              + transport.group()
              + " is not read here; write docker://NAME as NAME, and others as an archive: skopeo copy "
              + transport.group()
              + "… oci-archive:FILE");
    }
    ImageReference parsed;
    try {
      parsed = ImageReference.parse(reference);
    } catch (IllegalArgumentException e) {
      throw new RequestException(
          ErrorCode.INVALID_FIELD,
          "image: "
              + e.getMessage()
              + "; other images are nats://BUCKET/object, oci:DIR[:tag], oci-archive:FILE and docker-archive:FILE",
          e);
    }
    return registries
        .orElseThrow(
            () ->
                new RequestException(
                    ErrorCode.SOURCE_NOT_ALLOWED,
                    "image: this worker pulls from no registry, so it has no " + parsed))
        .open(parsed, platform, log::check);
  }

  /**
   * Copies an input of {@code source}: a location in a bucket, a file of the web with its digest,
   * or an allowed path.
   *
   * @param field the request's field that names it
   */
  SpooledInput spool(String field, String source, InputLog log)
      throws IOException, RequestException {
    if (source.startsWith(ObjectLocation.SCHEME)) {
      return spoolObject(field, source, log);
    }
    if (WEB.matcher(source).lookingAt()) {
      return spoolWebFile(field, source, log);
    }
    log.localFile();
    Path file = paths.resolve(field, source);
    if (!Files.isRegularFile(file)) {
      throw new RequestException(
          ErrorCode.INPUT_NOT_FOUND, field + ": " + source + " is not a file");
    }
    return cache.spool(field + " " + source, target -> Files.copy(file, wanted(target, log)));
  }

  /**
   * A script: at a location, or the text itself. A line that starts with a slash and has no space
   * is a path.
   */
  SpooledInput script(String script, InputLog log) throws IOException, RequestException {
    boolean isSource =
        SCRIPT_SOURCE.matcher(script).matches() || script.startsWith(ObjectLocation.SCHEME);
    SpooledInput spooled =
        isSource
            ? spool("script", script, log)
            : cache.spool("script", out -> out.write(script.getBytes(StandardCharsets.UTF_8)));
    if (spooled.size() > MAX_SCRIPT_BYTES) {
      spooled.close();
      throw new RequestException(
          ErrorCode.TOO_LARGE,
          "script: "
              + spooled.size()
              + " bytes; a script has at most "
              + MAX_SCRIPT_BYTES
              + ", and what it needs besides goes into files");
    }
    return spooled;
  }

  /** What is written to {@code target} as long as the build is wanted. */
  private static OutputStream wanted(OutputStream target, InputLog log) {
    return new FilterOutputStream(target) {
      @Override
      public void write(byte[] bytes, int offset, int length) throws IOException {
        log.check();
        out.write(bytes, offset, length);
      }
    };
  }

  private SpooledInput spoolWebFile(String field, String source, InputLog log)
      throws IOException, RequestException {
    Matcher matcher = WEB_FILE.matcher(source);
    String shown = source.replaceFirst("[?].*?(@sha[0-9]+:[^@]*)?$", "$1");
    URI uri;
    Digest digest;
    try {
      if (!matcher.matches()) {
        throw new IllegalArgumentException(
            "a file of the web has the form https://HOST/PATH@sha256:HEX");
      }
      uri = new URI(matcher.group(1));
      digest = new Digest(matcher.group(2));
    } catch (IllegalArgumentException e) {
      throw new RequestException(
          ErrorCode.INVALID_FIELD, field + ": " + shown + ": " + e.getMessage(), e);
    } catch (URISyntaxException e) {
      throw new RequestException(
          ErrorCode.INVALID_FIELD, field + ": " + shown + " is no URL: " + e.getReason());
    }
    RegistryImages web =
        registries.orElseThrow(
            () ->
                new RequestException(
                    ErrorCode.SOURCE_NOT_ALLOWED,
                    field + ": this worker fetches nothing from the web; put it into a bucket"));
    try (WebFile file = web.file(uri)) {
      SpooledInput spooled =
          cache.spool(field + " " + shown, target -> file.body().transferTo(wanted(target, log)));
      return verified(field, shown, digest, spooled);
    } catch (RegistryException e) {
      if (e.reason() == RegistryException.Reason.NOT_FOUND) {
        throw new RequestException(ErrorCode.INPUT_NOT_FOUND, field + ": " + e.getMessage(), e);
      }
      throw e;
    }
  }

  /** {@code spooled}, where it has the digest that the request promises. */
  private static SpooledInput verified(
      String field, Object place, Digest promised, SpooledInput spooled)
      throws IOException, RequestException {
    Digest got = spooled.digest(promised.algorithm());
    if (got.equals(promised)) {
      return spooled;
    }
    spooled.close();
    throw new RequestException(
        ErrorCode.DIGEST_MISMATCH,
        field + ": " + place + " has the digest " + got + " where the request says " + promised);
  }

  /**
   * An archive of {@code FILE[:tag]}: the tag can be a whole reference, so the file is the shortest
   * that exists.
   */
  private Image archive(String text, Platform platform, InputLog log)
      throws IOException, RequestException {
    for (int colon = text.indexOf(':'); colon > 0; colon = text.indexOf(':', colon + 1)) {
      try {
        Path file = paths.resolve("image", text.substring(0, colon));
        if (Files.isRegularFile(file)) {
          return openArchive(file, text.substring(colon + 1), platform, log);
        }
      } catch (RequestException e) {
        if (e.code() != ErrorCode.INPUT_NOT_FOUND) {
          throw e;
        }
      }
    }
    return openArchive(paths.resolve("image", text), "", platform, log);
  }

  private Image openArchive(Path file, String tag, Platform platform, InputLog log)
      throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new ImageNotFoundException(
          file
              + (Files.isDirectory(file)
                  ? ": is a directory; an image layout is named oci:" + file
                  : ": there is no such file"));
    }
    return ImageArchive.open(
        cache.decoded(file.toString(), FileChannel.open(file), log::check),
        file.toString(),
        tag,
        platform,
        log::check);
  }

  private SpooledInput spoolObject(String field, String source, InputLog log)
      throws IOException, RequestException {
    ObjectLocation location;
    try {
      location = ObjectLocation.parse(source);
    } catch (IllegalArgumentException e) {
      throw new RequestException(ErrorCode.INVALID_FIELD, field + ": " + e.getMessage(), e);
    }
    buckets.check(field, location);
    SpooledInput spooled = copyObject(field, location, log);
    if (location.digest().isPresent()) {
      return verified(field, location, location.digest().get(), spooled);
    }
    log.object(
        new Dependencies.BucketObject(
            location.bucket(), location.object(), spooled.digest().text()));
    return spooled;
  }

  private SpooledInput copyObject(String field, ObjectLocation location, InputLog log)
      throws IOException, RequestException {
    ObjectLocation place =
        buckets
            .open(location.bucket())
            .locate(location.object())
            .orElseThrow(() -> noObject(field, location));
    // A link can lead to a bucket that requests may not read.
    buckets.check(field, place);
    ObjectBucket bucket = buckets.open(place.bucket());
    StoredObject object = bucket.find(place.object()).orElseThrow(() -> noObject(field, place));
    String what = field + " " + location;
    try {
      return cache.spool(
          what, target -> bucket.read(object, Way.CONSUMER, wanted(target, log), QUIET));
    } catch (StoreException e) {
      if (e.reason() != StoreException.Reason.LEFT_OUT) {
        throw e;
      }
      LOG.warn("{}; beginning anew", e.getMessage());
      return cache.spool(
          what, target -> bucket.read(object, Way.LEADER, wanted(target, log), QUIET));
    }
  }

  private static RequestException noObject(String field, ObjectLocation location) {
    return new RequestException(
        ErrorCode.INPUT_NOT_FOUND,
        field + ": bucket " + location.bucket() + " holds no object " + location.object());
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
