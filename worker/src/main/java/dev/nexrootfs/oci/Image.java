package dev.nexrootfs.oci;

import java.util.List;

/**
 * One image for one platform: its documents read and verified, its layers known and not yet read.
 *
 * @param manifestDigest identifies the image
 * @param config its configuration
 * @param layers lowest first
 * @param blobs where the layers are
 */
public record Image(
    Digest manifestDigest, ImageConfig config, List<Layer> layers, BlobSource blobs) {
  /** Copies the list. */
  public Image {
    layers = List.copyOf(layers);
  }

  /**
   * A layer.
   *
   * @param blob the layer as it is stored
   * @param diffId the digest of the uncompressed layer
   */
  public record Layer(Descriptor blob, Digest diffId) {}
}
