package dev.nexrootfs.service;

import dev.nexrootfs.build.ImageSink;
import dev.nexrootfs.ext4.Ext4Image;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.Fence;
import dev.nexrootfs.store.ObjectBucket;
import dev.nexrootfs.store.StoredObject;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;

/**
 * Images into an object store bucket: one immutable object, and {@code name_tag} and {@code name}
 * as links to it.
 */
final class BucketSink implements ImageSink {
  private static final String GZIP = ".ext4.gz";
  private static final String SHA256 = ".ext4.gz.sha256";

  private final Buckets buckets;
  private final String bucketName;

  BucketSink(Buckets buckets, String bucketName) {
    this.buckets = buckets;
    this.bucketName = bucketName;
  }

  @Override
  public Optional<Stored> find(String object, BuildRequest request)
      throws IOException, RequestException {
    ObjectBucket bucket = buckets.open(bucketName);
    for (String link : linksOf(request)) {
      if (!bucket.isFreeForLink(link)) {
        throw new RequestException(
            ErrorCode.INVALID_FIELD,
            "name: bucket "
                + bucketName
                + " has an object "
                + link
                + " that is no link; choose another name or tag");
      }
    }
    Optional<StoredObject> present = bucket.findWhole(object);
    // What is missing is made from the plan; what is there stays as it is.
    if (present.isEmpty() || (request.wantsGzip() && !hasGzip(bucket, object))) {
      return Optional.empty();
    }
    return Optional.of(linked(bucket, present.get(), request));
  }

  private static boolean hasGzip(ObjectBucket bucket, String object) throws IOException {
    return bucket.findWhole(object + GZIP).isPresent()
        && bucket.findWhole(object + SHA256).isPresent();
  }

  @Override
  public Stored store(
      String object,
      BuildRequest request,
      Map<String, String> metadata,
      Ext4Image image,
      LongConsumer progress)
      throws IOException {
    return store(object, request, metadata, image, progress, Fence.NONE);
  }

  /** The same, where {@code fence} is asked before the image becomes visible. */
  Stored store(
      String object,
      BuildRequest request,
      Map<String, String> metadata,
      Ext4Image image,
      LongConsumer progress,
      Fence fence)
      throws IOException {
    ObjectBucket bucket = buckets.open(bucketName);
    StoredObject stored =
        bucket.putIfAbsent(
            object,
            "root file system from " + request.image(),
            metadata,
            image::stream,
            progress,
            fence);
    if (request.wantsGzip()) {
      long size = image.size();
      storeGzip(bucket, stored, image, done -> progress.accept(size));
    }
    return linked(bucket, stored, request);
  }

  /** The image compressed, and then the digest of that: whoever sees the digest sees both. */
  private static void storeGzip(
      ObjectBucket bucket, StoredObject stored, Ext4Image image, LongConsumer progress)
      throws IOException {
    if (bucket.findWhole(stored.name() + GZIP).isEmpty()
        && bucket.find(stored.name() + SHA256).isPresent()) {
      bucket.delete(stored.name() + SHA256); // another zlib may compress otherwise
    }
    StoredObject compressed =
        bucket.putIfAbsent(
            stored.name() + GZIP,
            "compressed, " + stored.location(),
            Map.of("nex-rootfs-of", stored.name()),
            () -> new GzipStream(image.stream()),
            progress);
    byte[] hex = compressed.sha256().getBytes(StandardCharsets.US_ASCII);
    var unused =
        bucket.putIfAbsent(
            stored.name() + SHA256,
            "SHA-256 of " + compressed.location(),
            Map.of("nex-rootfs-of", stored.name()),
            () -> new ByteArrayInputStream(hex),
            done -> {});
  }

  /** Links an image that is there, as {@code request} wants it. */
  void link(String object, BuildRequest request) throws IOException {
    ObjectBucket bucket = buckets.open(bucketName);
    for (Map.Entry<String, String> link : targetsOf(request, object).entrySet()) {
      bucket.link(link.getKey(), link.getValue());
    }
  }

  String bucket() {
    return bucketName;
  }

  /** The links that a request wants, in the order of its reply. */
  private static List<String> linksOf(BuildRequest request) {
    return List.copyOf(targetsOf(request, "").keySet());
  }

  /** Each link that a request wants, and the object that it leads to. */
  static Map<String, String> targetsOf(BuildRequest request, String object) {
    Map<String, String> targets = new LinkedHashMap<>();
    targets.put(request.objectLink(), object);
    targets.put(request.name(), object);
    if (request.wantsGzip()) {
      targets.put(request.objectLink() + GZIP, object + GZIP);
      targets.put(request.objectLink() + SHA256, object + SHA256);
    }
    return targets;
  }

  private static Stored linked(ObjectBucket bucket, StoredObject object, BuildRequest request)
      throws IOException {
    Map<String, String> links = targetsOf(request, object.name());
    for (Map.Entry<String, String> link : links.entrySet()) {
      bucket.link(link.getKey(), link.getValue());
    }
    return new Stored(
        object.bucket(),
        object.name(),
        object.location(),
        List.copyOf(links.keySet()),
        object.digest(),
        object.size(),
        object.metadata());
  }
}
