package dev.nexrootfs.build;

import dev.nexrootfs.ext4.Ext4Image;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.RequestException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;

/** Where images go: a bucket, or a file. */
public interface ImageSink {
  /**
   * An image that is there.
   *
   * @param bucket the bucket, or the directory
   * @param object the object, or the file
   * @param location both as one
   * @param links further names
   * @param digest SHA-256 of the image
   * @param size bytes of it
   * @param metadata what was noted about it
   */
  record Stored(
      String bucket,
      String object,
      String location,
      List<String> links,
      Digest digest,
      long size,
      Map<String, String> metadata) {}

  /** The image that was stored earlier under {@code object}, linked as the request wants it. */
  Optional<Stored> find(String object, BuildRequest request) throws IOException, RequestException;

  /**
   * Stores an image; nobody sees it before it is whole.
   *
   * @param metadata what to note about it
   * @param progress is told the bytes so far
   */
  Stored store(
      String object,
      BuildRequest request,
      Map<String, String> metadata,
      Ext4Image image,
      LongConsumer progress)
      throws IOException, RequestException;
}
