package dev.nexrootfs.build;

import dev.nexrootfs.layer.BlobCache;
import dev.nexrootfs.oci.BlobSource;
import dev.nexrootfs.oci.Descriptor;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.ImageReference;
import dev.nexrootfs.oci.ManifestReader;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.registry.Registries;
import dev.nexrootfs.registry.RegistryRepository;
import dev.nexrootfs.registry.WebFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.OptionalLong;

/**
 * Images of registries, by way of this machine's cache.
 *
 * @param registries where they are
 * @param blobs where what was read of them stays
 */
public record RegistryImages(Registries registries, BlobCache blobs) {
  /**
   * The image that {@code reference} has for {@code platform}: its documents read and verified, its
   * layers not yet. Closing its blobs is the caller's.
   *
   * @param stillWanted called while blobs come, and while another worker is waited for that gets
   *     one; what it throws ends that
   */
  public Image open(ImageReference reference, Platform platform, Runnable stillWanted)
      throws IOException {
    RegistryRepository repository = registries.repository(reference);
    BlobSource cached = blobs.over(repository, stillWanted);
    Descriptor root = resolve(repository);
    return ManifestReader.read(cached, root, platform);
  }

  private Descriptor resolve(RegistryRepository repository) throws IOException {
    try {
      return repository.resolve(this::cachedSize);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private OptionalLong cachedSize(Digest digest) {
    try {
      return blobs.size(digest);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  WebFile file(URI uri) throws IOException {
    return registries.open(uri);
  }
}
