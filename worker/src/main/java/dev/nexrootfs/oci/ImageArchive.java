package dev.nexrootfs.oci;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** An image as one tar file: an OCI image layout, or what {@code docker save} writes. */
public final class ImageArchive {
  private ImageArchive() {}

  /**
   * Opens the archive at {@code path}.
   *
   * @param tag the tag, or empty for the only image
   */
  public static Image open(Path path, String tag, Platform platform) throws IOException {
    if (!Files.isRegularFile(path)) {
      throw new ImageNotFoundException(
          path
              + (Files.isDirectory(path)
                  ? ": is a directory; an image layout is named oci:" + path
                  : ": there is no such file"));
    }
    return open(FileChannel.open(path), path.toString(), tag, platform, () -> {});
  }

  /**
   * Opens {@code file}, whichever of the two it is; one that is both is read as an OCI image
   * layout.
   *
   * @param place how messages name it
   * @param tag the tag, or empty for the only image
   * @param stillWanted called while the layers of {@code docker save} are hashed; what it throws
   *     ends that
   */
  public static Image open(
      FileChannel file, String place, String tag, Platform platform, Runnable stillWanted)
      throws IOException {
    TarArchive archive = TarArchive.of(file, place);
    try {
      boolean docker = archive.has(DockerArchive.MANIFEST);
      if (archive.has("oci-layout")) {
        try {
          return ImageLayout.open(archive, tag, platform);
        } catch (ImageNotFoundException e) {
          // Docker's names for its images stand in its own manifest only.
          if (!docker || tag.isEmpty()) {
            throw e;
          }
        }
      }
      if (docker) {
        return DockerArchive.open(archive, tag, platform, stillWanted);
      }
      throw new InvalidImageException(
          place
              + " holds neither oci-layout nor "
              + DockerArchive.MANIFEST
              + "; it is no archive of an image");
    } catch (IOException | RuntimeException e) {
      archive.close();
      throw e;
    }
  }
}
