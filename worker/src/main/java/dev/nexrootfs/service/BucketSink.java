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
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;

/**
 * Images into an object store bucket: one immutable object, and {@code name_tag} and {@code name}
 * as links to it.
 */
final class BucketSink implements ImageSink {
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
    if (present.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(linked(bucket, present.get(), request));
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
    return linked(bucket, stored, request);
  }

  /** Links an image that is there, as {@code request} wants it. */
  void link(String object, BuildRequest request) throws IOException {
    ObjectBucket bucket = buckets.open(bucketName);
    for (String link : linksOf(request)) {
      bucket.link(link, object);
    }
  }

  String bucket() {
    return bucketName;
  }

  static List<String> linksOf(BuildRequest request) {
    return List.of(request.objectLink(), request.name());
  }

  private static Stored linked(ObjectBucket bucket, StoredObject object, BuildRequest request)
      throws IOException {
    List<String> links = linksOf(request);
    for (String link : links) {
      bucket.link(link, object.name());
    }
    return new Stored(
        object.bucket(),
        object.name(),
        object.location(),
        links,
        object.digest(),
        object.size(),
        object.metadata());
  }
}
