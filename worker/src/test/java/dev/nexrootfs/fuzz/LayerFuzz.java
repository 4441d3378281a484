package dev.nexrootfs.fuzz;

import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.InvalidLayerException;
import dev.nexrootfs.layer.LayerMerge;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.tar.TarEntry;
import dev.nexrootfs.tar.TarException;
import dev.nexrootfs.tar.TarReader;
import dev.nexrootfs.tree.TreeTooLargeException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Optional;

/**
 * Any bytes as a layer: they end in a tree or in one of the exceptions that say what is wrong. The
 * checksums of headers are made right first, or no input would get past them.
 */
public final class LayerFuzz {
  private static final int BLOCK = 512;
  private static final byte[] USTAR = {'u', 's', 't', 'a', 'r'};
  private static final FileChannel FILE = file();
  private static final Digest DIGEST = Digest.sha256(new byte[0]);

  private LayerFuzz() {}

  /** What the fuzzer calls. */
  public static void fuzzerTestOneInput(byte[] data) throws IOException {
    FILE.truncate(0);
    FILE.write(ByteBuffer.wrap(withChecksums(data)), 0);
    try {
      TarReader reader = new TarReader(FILE);
      for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
        check(next.get());
      }
    } catch (TarException e) {
      return; // the bytes are no archive, and that was said
    }
    try {
      LayerMerge merge = new LayerMerge();
      DecodedLayer layer = new DecodedLayer(DIGEST, FILE);
      merge.add(layer);
      merge.add(layer);
    } catch (InvalidLayerException | TreeTooLargeException e) {
      return; // no tree can be made of it, and that was said
    }
  }

  private static void check(TarEntry entry) throws IOException {
    if (entry.size() < 0 || entry.offset() < 0 || entry.offset() > FILE.size()) {
      throw new AssertionError("an entry outside of the archive: " + entry);
    }
  }

  private static byte[] withChecksums(byte[] data) {
    byte[] archive = data.clone();
    for (int at = 0; at + BLOCK <= archive.length; at += BLOCK) {
      boolean header = Arrays.equals(archive, at + 257, at + 262, USTAR, 0, 5);
      if (header || archive[at + 148] == 'C') {
        Arrays.fill(archive, at + 148, at + 156, (byte) ' ');
        int sum = 0;
        for (int i = at; i < at + BLOCK; i++) {
          sum += archive[i] & 0xFF;
        }
        byte[] digits =
            String.format("%06o\0", sum).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        System.arraycopy(digits, 0, archive, at + 148, digits.length);
      }
    }
    return archive;
  }

  private static FileChannel file() {
    try {
      Path file = Files.createTempFile("layer", ".tar");
      FileChannel channel =
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE);
      Files.delete(file);
      return channel;
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
