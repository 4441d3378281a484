package dev.nexrootfs.build;

import dev.nexrootfs.ext4.Ext4Image;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.protocol.BuildRequest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongConsumer;

/**
 * Images into one file of this machine.
 *
 * @param file the file, replaced when the image is whole
 */
public record FileSink(Path file) implements ImageSink {
  private static final int BUFFER_BYTES = 1 << 20;

  @Override
  public Optional<Stored> find(String object, BuildRequest request) throws IOException {
    SparseFile.checkTarget(file);
    return Optional.empty();
  }

  @Override
  public Stored store(
      String object,
      BuildRequest request,
      Map<String, String> metadata,
      Ext4Image image,
      LongConsumer progress)
      throws IOException {
    try (SparseFile out = new SparseFile(file);
        InputStream in = image.stream()) {
      byte[] buffer = new byte[BUFFER_BYTES];
      long done = 0;
      for (int got = in.read(buffer); got >= 0; got = in.read(buffer)) {
        out.write(buffer, 0, got);
        done += got;
        progress.accept(done);
      }
      Digest digest = out.digest();
      out.commit();
      Path name = file.getFileName();
      return new Stored(
          "", String.valueOf(name), file.toString(), List.of(), digest, image.size(), metadata);
    }
  }
}
