package dev.nexrootfs.fuzz;

import dev.nexrootfs.oci.BlobSource;
import dev.nexrootfs.oci.Descriptor;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.ImageReference;
import dev.nexrootfs.oci.ManifestReader;
import dev.nexrootfs.oci.Platform;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/**
 * Any bytes as the documents of an image, one after the other between NULs; each is found by its
 * digest, and a document that writes {@code @N} for a digest means document N.
 */
public final class ManifestFuzz {
  private static final Platform PLATFORM = Platform.parse("linux/arm/v7");

  private ManifestFuzz() {}

  /** What the fuzzer calls. */
  public static void fuzzerTestOneInput(byte[] data) {
    String[] documents = new String(data, StandardCharsets.ISO_8859_1).split("\0", 8);
    Blobs blobs = new Blobs();
    Digest last = Digest.sha256(new byte[0]);
    for (int i = documents.length - 1; i >= 0; i--) {
      byte[] bytes = documents[i].replace("@", last.text()).getBytes(StandardCharsets.ISO_8859_1);
      last = Digest.sha256(bytes);
      blobs.documents.put(last, bytes);
    }
    byte[] root = blobs.documents.getOrDefault(last, new byte[0]);
    try {
      Image image =
          ManifestReader.read(blobs, new Descriptor(null, last, root.length, null, null), PLATFORM);
      if (image.layers().size() != image.config().diffIds().size()) {
        throw new AssertionError("layers without diff_ids");
      }
    } catch (IOException e) {
      reference(documents[0]);
    }
  }

  private static void reference(String text) {
    try {
      ImageReference reference = ImageReference.parse(text);
      if (!ImageReference.parse(reference.toString()).equals(reference)) {
        throw new AssertionError(text + " is not read as it is written: " + reference);
      }
    } catch (IllegalArgumentException e) {
      return; // no reference, and that was said
    }
  }

  /** Documents by digest, whatever size their descriptors promise. */
  private static final class Blobs implements BlobSource {
    private final Map<Digest, byte[]> documents = new HashMap<>();

    @Override
    public InputStream open(Descriptor descriptor) throws IOException {
      byte[] bytes = documents.get(descriptor.digest());
      if (bytes == null) {
        throw new IOException("no such blob");
      }
      return new ByteArrayInputStream(bytes);
    }

    @Override
    public InputStream openVerified(Descriptor descriptor) throws IOException {
      return open(descriptor);
    }

    @Override
    public String place() {
      return "fuzz";
    }

    @Override
    public void close() {}
  }
}
