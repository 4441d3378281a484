package dev.nexrootfs.layer;

import com.github.luben.zstd.ZstdInputStream;
import dev.nexrootfs.oci.DigestMismatchException;
import java.io.BufferedInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;

/**
 * The uncompressed bytes of a layer; what is wrong with the compressed ones is an {@link
 * InvalidLayerException}.
 */
final class LayerDecoder extends FilterInputStream {
  private static final int BUFFER_BYTES = 1 << 16;

  private final String what;

  private LayerDecoder(InputStream decoded, String what) {
    super(decoded);
    this.what = what;
  }

  /**
   * Decodes {@code blob}: gzip of any number of members, zstd of any number of frames, or as it is.
   * The first bytes tell, because media types are often wrong.
   *
   * @param what how messages name the layer
   */
  static InputStream decode(InputStream blob, String what) throws IOException {
    BufferedInputStream in = new BufferedInputStream(blob, BUFFER_BYTES);
    in.mark(4);
    byte[] magic = in.readNBytes(4);
    in.reset();
    try {
      return new LayerDecoder(decompressor(in, magic), what);
    } catch (IOException e) {
      throw corrupt(what, e);
    }
  }

  private static InputStream decompressor(InputStream in, byte[] magic) throws IOException {
    if (hasMagic(magic, 0, 0x1F, 0x8B)) {
      return GzipCompressorInputStream.builder()
          .setInputStream(in)
          .setDecompressConcatenated(true)
          .get();
    }
    return isZstd(magic) ? new ZstdInputStream(in) : in;
  }

  /** Whether data that starts with these four bytes would be decoded. */
  static boolean isCompressed(byte[] magic) {
    return hasMagic(magic, 0, 0x1F, 0x8B) || isZstd(magic);
  }

  private static boolean isZstd(byte[] magic) {
    boolean skippable = hasMagic(magic, 1, 0x2A, 0x4D, 0x18) && (magic[0] & 0xF0) == 0x50;
    return skippable || hasMagic(magic, 0, 0x28, 0xB5, 0x2F, 0xFD);
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    try {
      return in.read(target, offset, length);
    } catch (DigestMismatchException e) {
      throw e;
    } catch (IOException e) {
      throw corrupt(what, e);
    }
  }

  private static IOException corrupt(String what, IOException cause) {
    return cause instanceof DigestMismatchException
        ? cause
        : new InvalidLayerException(
            what
                + " cannot be decompressed: "
                + (cause.getMessage() == null ? "it is cut off" : cause.getMessage()),
            cause);
  }

  private static boolean hasMagic(byte[] bytes, int from, int... magic) {
    for (int i = 0; i < magic.length; i++) {
      if (from + i >= bytes.length || (bytes[from + i] & 0xFF) != magic[i]) {
        return false;
      }
    }
    return true;
  }
}
