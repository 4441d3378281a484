package dev.nexrootfs.tar;

import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * The entries of a tar archive in a file: v7, ustar, GNU long names and base-256 numbers, PAX with
 * binary values.
 *
 * <p>Only headers are read; content is skipped. Bounded: extension headers per entry, bytes of
 * each, and everything else by the archive's length. Sparse entries are refused by name. Not for
 * several threads.
 */
public final class TarReader {
  private static final int MAX_PAX_BYTES = 1 << 20;
  private static final int MAX_EXTENSIONS = 32;
  private static final int WINDOW_BYTES = 1 << 16;

  private final FileChannel channel;
  private final long end;
  private final ByteBuffer window = ByteBuffer.allocate(WINDOW_BYTES).limit(0);
  private long windowOffset;
  private long position;
  private PaxRecords global = PaxRecords.NONE;

  /** Reads the archive that is all of {@code channel}; the channel stays open. */
  public TarReader(FileChannel channel) throws IOException {
    this.channel = channel;
    this.end = channel.size();
  }

  /** Extension headers that apply to the next entry. */
  private static final class Extensions {
    private PaxRecords pax = PaxRecords.NONE;
    private byte[] longName = new byte[0];
    private byte[] longLink = new byte[0];
    private int count;
  }

  /**
   * The next entry; empty at the end of the archive.
   *
   * @throws TarException where the archive is malformed, cut off or past a limit
   */
  public Optional<TarEntry> next() throws IOException {
    Extensions extensions = new Extensions();
    while (true) {
      if (position == end && extensions.count == 0) {
        return Optional.empty();
      }
      TarHeader header = readHeader();
      if (header.isZero()) {
        if (extensions.count > 0) {
          throw new TarException(
              header.offset(), "the archive ends between an extension header and its entry");
        }
        return Optional.empty();
      }
      header.checkChecksum();
      if (!isExtension(header.typeflag())) {
        return Optional.of(entry(header, extensions));
      }
      if (++extensions.count > MAX_EXTENSIONS) {
        throw new TarException(
            header.offset(), "more than " + MAX_EXTENSIONS + " extension headers before one entry");
      }
      readExtension(header, extensions);
    }
  }

  private static boolean isExtension(char typeflag) {
    return typeflag == 'x' || typeflag == 'g' || typeflag == 'L' || typeflag == 'K';
  }

  private void readExtension(TarHeader header, Extensions extensions) throws IOException {
    long size = header.size();
    long limit =
        header.typeflag() == 'L' || header.typeflag() == 'K'
            ? TreePath.MAX_BYTES + 1
            : MAX_PAX_BYTES;
    if (size < 0 || size > limit) {
      throw new TarException(
          header.offset(),
          "an extension header '"
              + header.typeflag()
              + "' of "
              + size
              + " bytes; at most "
              + limit);
    }
    byte[] content = readContent(header, (int) size);
    switch (header.typeflag()) {
      case 'x' -> extensions.pax = extensions.pax.with(PaxRecords.parse(content, header.offset()));
      case 'g' -> setGlobal(global.with(PaxRecords.parse(content, header.offset())), header);
      case 'L' -> extensions.longName = upToNul(content);
      default -> extensions.longLink = upToNul(content);
    }
  }

  private void setGlobal(PaxRecords records, TarHeader header) throws TarException {
    if (records.size() > MAX_PAX_BYTES) {
      throw new TarException(
          header.offset(), "global headers of more than " + MAX_PAX_BYTES + " bytes in all");
    }
    global = records;
  }

  private static Instant mtime(TarHeader header) throws TarException {
    try {
      return Instant.ofEpochSecond(header.mtime());
    } catch (DateTimeException e) {
      throw new TarException(header.offset(), "the field mtime is no time: " + header.mtime());
    }
  }

  private TarEntry entry(TarHeader header, Extensions extensions) throws IOException {
    PaxRecords pax = extensions.pax.over(global);
    byte[] name = firstOf(pax.bytes("path"), extensions.longName, header.name());
    if (pax.refused().isPresent() || header.typeflag() == 'S') {
      throw new TarException(
          header.offset(),
          "entry \""
              + Name.text(name)
              + "\": "
              + pax.refused().orElse("a sparse entry")
              + " is not supported yet");
    }
    TarEntry.Type type = type(header, name);
    long stored = pax.number("size").orElse(header.size());
    long size = type == TarEntry.Type.REGULAR ? stored : 0;
    Optional<Instant> time = pax.time("mtime");
    long offset = position;
    skip(header, size);
    return new TarEntry(
        name,
        type,
        (int) (header.mode() & 07777),
        pax.number("uid").orElse(header.uid()),
        pax.number("gid").orElse(header.gid()),
        time.isPresent() ? time.get() : mtime(header),
        offset,
        size,
        firstOf(pax.bytes("linkpath"), extensions.longLink, header.linkname()),
        type == TarEntry.Type.CHARACTER_DEVICE || type == TarEntry.Type.BLOCK_DEVICE
            ? header.devmajor()
            : 0,
        type == TarEntry.Type.CHARACTER_DEVICE || type == TarEntry.Type.BLOCK_DEVICE
            ? header.devminor()
            : 0,
        Map.copyOf(pax.xattrs()));
  }

  private static TarEntry.Type type(TarHeader header, byte[] name) throws TarException {
    boolean trailingSlash = name.length > 0 && name[name.length - 1] == '/';
    return switch (header.typeflag()) {
      // Archives of v7 mark a directory by its name only.
      case '0', '\0', '7' -> trailingSlash ? TarEntry.Type.DIRECTORY : TarEntry.Type.REGULAR;
      case '1' -> TarEntry.Type.HARD_LINK;
      case '2' -> TarEntry.Type.SYMBOLIC_LINK;
      case '3' -> TarEntry.Type.CHARACTER_DEVICE;
      case '4' -> TarEntry.Type.BLOCK_DEVICE;
      case '5' -> TarEntry.Type.DIRECTORY;
      case '6' -> TarEntry.Type.FIFO;
      default ->
          throw new TarException(
              header.offset(),
              String.format("an entry of the unknown type 0x%02x", (int) header.typeflag()));
    };
  }

  private TarHeader readHeader() throws IOException {
    byte[] block = new byte[TarHeader.BYTES];
    TarHeader header = new TarHeader(block, position);
    if (end - position < block.length) {
      throw new TarException(
          position, "cut off in a header, " + (end - position) + " bytes before the end");
    }
    read(block);
    return header;
  }

  private byte[] readContent(TarHeader header, int size) throws IOException {
    if (end - position < size) {
      throw cutOff(header, size);
    }
    byte[] content = new byte[size];
    read(content);
    long padding = -size & TarHeader.BYTES - 1;
    position = Math.min(end, position + padding);
    return content;
  }

  private void skip(TarHeader header, long size) throws TarException {
    if (size < 0 || end - position < size) {
      throw cutOff(header, size);
    }
    long padded = size + (-size & TarHeader.BYTES - 1);
    position = Math.min(end, position + padded);
  }

  private TarException cutOff(TarHeader header, long size) {
    return new TarException(
        header.offset(),
        "an entry of "
            + size
            + " bytes where the archive has "
            + (end - position)
            + " left; it is cut off or lies");
  }

  private void read(byte[] target) throws IOException {
    int done = 0;
    while (done < target.length) {
      long ahead = position - windowOffset;
      if (ahead < 0 || ahead >= window.limit()) {
        windowOffset = position;
        window.clear();
        int count = channel.read(window, position);
        window.limit(Math.max(0, count));
        if (count <= 0) {
          throw new TarException(position, "the file became shorter while it was read");
        }
        ahead = 0;
      }
      int length = (int) Math.min(target.length - done, window.limit() - ahead);
      window.get((int) ahead, target, done, length);
      done += length;
      position += length;
    }
  }

  private static byte[] upToNul(byte[] bytes) {
    int length = 0;
    while (length < bytes.length && bytes[length] != 0) {
      length++;
    }
    return java.util.Arrays.copyOf(bytes, length);
  }

  private static byte[] firstOf(Optional<byte[]> pax, byte[] gnu, byte[] header) {
    return pax.orElse(gnu.length > 0 ? gnu : header);
  }
}
