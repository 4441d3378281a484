package dev.nexrootfs.oci;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * An OCI image layout (image-spec, image-layout.md): {@code oci-layout}, {@code index.json} and
 * {@code blobs}.
 */
public final class ImageLayout {
  private static final String INDEX = "index.json";

  private ImageLayout() {}

  /**
   * The image of {@code tag} in the layout directory {@code directory}.
   *
   * @param tag the tag, or empty for the only one
   */
  public static Image open(Path directory, String tag, Platform platform) throws IOException {
    Path marker = directory.resolve("oci-layout");
    if (!Files.isRegularFile(marker)) {
      throw new ImageNotFoundException(
          directory + " is not an OCI image layout: it has no file oci-layout");
    }
    return select(new DirectoryBlobs(directory), readFile(directory.resolve(INDEX)), tag, platform);
  }

  /**
   * The image of {@code tag} in an archive of a layout; {@code archive} is closed with the image's
   * blobs.
   */
  static Image open(TarArchive archive, String tag, Platform platform) throws IOException {
    return select(
        new ArchiveBlobs(archive),
        archive.read(INDEX, ManifestReader.MAX_DOCUMENT_BYTES),
        tag,
        platform);
  }

  private static Image select(BlobSource blobs, byte[] indexJson, String tag, Platform platform)
      throws IOException {
    Manifest index = ManifestReader.parse(blobs.place(), INDEX, indexJson, Manifest.class);
    List<Descriptor> all = index.manifests() == null ? List.of() : index.manifests();
    List<Descriptor> tagged =
        tag.isEmpty() ? all : all.stream().filter(entry -> entry.isNamed(tag)).toList();
    if (tagged.isEmpty()) {
      throw new ImageNotFoundException(
          blobs.place() + ": no image \"" + tag + "\"; there is " + ManifestReader.tags(all));
    }
    List<Descriptor> images = tagged.stream().filter(entry -> !entry.isAttestation()).toList();
    if (images.stream().map(Descriptor::refName).distinct().count() > 1
        && images.stream().map(Descriptor::digest).distinct().count() > 1) {
      throw new ImageNotFoundException(
          blobs.place()
              + " holds several images; add one of these as :TAG: "
              + ManifestReader.tags(all));
    }
    return new ManifestReader(blobs, platform).select(tagged);
  }

  private static byte[] readFile(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new InvalidImageException(file + " is missing");
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(ManifestReader.MAX_DOCUMENT_BYTES + 1);
      if (bytes.length > ManifestReader.MAX_DOCUMENT_BYTES) {
        throw new InvalidImageException(
            file + " has more than " + ManifestReader.MAX_DOCUMENT_BYTES + " bytes");
      }
      return bytes;
    }
  }

  /** The path of a blob in a layout. */
  private static String blobPath(Digest digest) {
    return "blobs/" + digest.algorithm() + "/" + digest.hex();
  }

  /** The blobs of a layout directory. */
  private record DirectoryBlobs(Path directory) implements BlobSource {
    @Override
    public InputStream open(Descriptor descriptor) throws IOException {
      Path file = directory.resolve(blobPath(descriptor.digest()));
      if (!Files.isRegularFile(file)) {
        throw new InvalidImageException(
            place() + ": the blob " + descriptor.digest() + " is missing");
      }
      return Files.newInputStream(file);
    }

    @Override
    public String place() {
      return directory.toString();
    }

    @Override
    public void close() {}
  }

  /** The blobs of an archive of a layout. */
  private record ArchiveBlobs(TarArchive archive) implements BlobSource {
    @Override
    public InputStream open(Descriptor descriptor) throws IOException {
      return archive.open(blobPath(descriptor.digest()));
    }

    @Override
    public String place() {
      return archive.place();
    }

    @Override
    public void close() throws IOException {
      archive.close();
    }
  }
}
