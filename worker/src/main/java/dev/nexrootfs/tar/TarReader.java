package dev.nexrootfs.tar;

import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;

/**
 * The entries of a tar archive in a file: v7, ustar, star, GNU (long names, base-256 numbers, old
 * sparse files, directories of incremental archives) and PAX (binary values, sparse formats 0.0 to
 * 1.0, access control lists as text).
 *
 * <p>Types that POSIX gives no content have none whatever their size says, as for Go's archive/tar
 * and GNU tar; only a hard link may have it, where no header follows it at once but one follows
 * after as many bytes. What a link has in content is what its target has, and is skipped. Names of
 * users and groups, times other than mtime, and what programs note for themselves count for
 * nothing. Whatever else cannot be held is an error.
 *
 * <p>Only headers and sparse maps are read; content is skipped. Bounded: extension headers of an
 * entry in number and bytes, global headers in bytes, segments of sparse files, and everything else
 * by the archive's length. Not for several threads.
 */
public final class TarReader {
  private static final int MAX_PAX_BYTES = 1 << 20;

  /** A record takes a hundred bytes of memory, whatever is in it. */
  private static final int MAX_GLOBALS = 1 << 16;

  private static final int MAX_EXTENSIONS = 32;

  private final ArchiveBytes archive;
  private final SparseMapReader sparseMaps;
  private final PaxRecords global = PaxRecords.global();

  /** Reads the archive that is all of {@code channel}; the channel stays open. */
  public TarReader(FileChannel channel) throws IOException {
    archive = new ArchiveBytes(channel);
    sparseMaps = new SparseMapReader(archive);
  }

  /** Extension headers that apply to the next entry. */
  private static final class Extensions {
    private final PaxRecords pax;
    private byte[] longName = new byte[0];
    private byte[] longLink = new byte[0];
    private int count;
    private int ofNext;
    private long bytes;

    Extensions(PaxRecords global) {
      pax = PaxRecords.over(global);
    }
  }

  /**
   * The next entry; empty at the end of the archive.
   *
   * @throws TarException where the archive is malformed, cut off or past a limit
   */
  public Optional<TarEntry> next() throws IOException {
    Extensions extensions = new Extensions(global);
    while (true) {
      if (archive.left() == 0 && extensions.ofNext == 0) {
        return Optional.empty();
      }
      TarHeader header = archive.readHeader();
      if (header.isZero()) {
        checkEnd(header, extensions);
        return Optional.empty();
      }
      header.checkChecksum();
      if (isExtension(header.typeflag())) {
        count(header, extensions);
        readExtension(header, extensions);
      } else if (header.typeflag() == 'V') {
        archive.skip(header, header.size()); // the label of a GNU volume is no file
        extensions = new Extensions(global);
      } else {
        return Optional.of(entry(header, extensions));
      }
    }
  }

  private void checkEnd(TarHeader header, Extensions extensions) throws IOException {
    if (extensions.ofNext > 0) {
      throw new TarException(
          header.offset(), "the archive ends between an extension header and its entry");
    }
    if (!archive.peekHeader(0).isZero()) {
      throw new TarException(
          header.offset(), "one block of zeros with more after it; two blocks end an archive");
    }
  }

  private static boolean isExtension(char typeflag) {
    return switch (typeflag) {
      case 'x', 'g', 'X', 'L', 'K' -> true; // X as Solaris names x
      default -> false;
    };
  }

  private static void count(TarHeader header, Extensions extensions) throws TarException {
    if (++extensions.count > MAX_EXTENSIONS) {
      throw new TarException(
          header.offset(), "more than " + MAX_EXTENSIONS + " extension headers before one entry");
    }
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
    // Global headers stay, and have their own bound; one may be the last of all.
    if (header.typeflag() != 'g') {
      extensions.ofNext++;
      extensions.bytes += size;
    }
    if (extensions.bytes > MAX_PAX_BYTES) {
      throw new TarException(
          header.offset(),
          "extension headers of more than " + MAX_PAX_BYTES + " bytes before one entry");
    }
  }

  private void readExtension(TarHeader header, Extensions extensions) throws IOException {
    byte[] content = archive.readContent(header, (int) header.size());
    switch (header.typeflag()) {
      case 'x', 'X' -> extensions.pax.add(content, header.offset());
      case 'g' -> addGlobal(header, content);
      case 'L' -> extensions.longName = upToNul(content);
      default -> extensions.longLink = upToNul(content);
    }
  }

  private void addGlobal(TarHeader header, byte[] content) throws TarException {
    PaxRecords records = PaxRecords.global();
    records.add(content, header.offset());
    for (String prefix : new String[] {"GNU.sparse.", "SCHILY.acl."}) {
      Optional<String> key = records.keysOf(prefix).findFirst();
      if (key.isPresent()) {
        throw new TarException(
            header.offset(),
            "PAX " + key.get() + " in a global header, of which file nobody knows");
      }
    }
    for (String key : new String[] {"GNU.volume.filename", "GNU.volume.offset"}) {
      if (records.bytes(key).isPresent()) {
        throw new TarException(
            header.offset(), "PAX " + key + ": a part of an archive of several volumes");
      }
    }
    global.addAll(records);
    if (global.size() > MAX_PAX_BYTES) {
      throw new TarException(
          header.offset(), "global headers of more than " + MAX_PAX_BYTES + " bytes in all");
    }
    if (global.count() > MAX_GLOBALS) {
      throw new TarException(
          header.offset(), "global headers of more than " + MAX_GLOBALS + " records in all");
    }
  }

  private TarEntry entry(TarHeader header, Extensions extensions) throws IOException {
    byte[] name = name(header, extensions);
    try {
      return entry(header, extensions, name);
    } catch (IllegalArgumentException e) {
      throw new TarException(
          header.offset(), "entry \"" + TarEntry.displayed(name) + "\": " + e.getMessage(), e);
    }
  }

  private static byte[] name(TarHeader header, Extensions extensions) {
    Optional<byte[]> sparse = SparseMapReader.name(extensions.pax);
    return sparse
        .or(() -> extensions.pax.bytes("path"))
        .orElseGet(() -> extensions.longName.length > 0 ? extensions.longName : header.name());
  }

  private TarEntry entry(TarHeader header, Extensions extensions, byte[] name) throws IOException {
    PaxRecords pax = extensions.pax;
    TarEntry.Type type = type(header, name);
    boolean device = type == TarEntry.Type.CHARACTER_DEVICE || type == TarEntry.Type.BLOCK_DEVICE;
    boolean hardLink = type == TarEntry.Type.HARD_LINK;
    EntryXattrs xattrs = hardLink ? EntryXattrs.NONE : EntryXattrs.of(pax);
    long permissions = header.mode() & 07777;
    if (xattrs.permissions().isPresent()) {
      permissions = (permissions & 07000) | xattrs.permissions().getAsInt();
    }
    Optional<Instant> time = pax.time("mtime");
    Body body = body(header, pax, type);
    return new TarEntry(
        name,
        type,
        (int) permissions,
        orElse(pax.number("uid"), header.uid()),
        orElse(pax.number("gid"), header.gid()),
        time.isPresent() ? time.get() : mtime(header),
        body.offset,
        body.size,
        body.segments,
        pax.bytes("linkpath")
            .orElseGet(
                () -> extensions.longLink.length > 0 ? extensions.longLink : header.linkname()),
        device ? orElse(pax.number("SCHILY.devmajor"), header.devmajor()) : 0,
        device ? orElse(pax.number("SCHILY.devminor"), header.devminor()) : 0,
        xattrs.values());
  }

  private static long orElse(Optional<Long> pax, long field) {
    return pax.isPresent() ? pax.get() : field;
  }

  /** What stands after a header. */
  private record Body(long offset, long size, Optional<DataSegments> segments) {}

  private Body body(TarHeader header, PaxRecords pax, TarEntry.Type type) throws IOException {
    Optional<Long> record = pax.number("size");
    boolean sparse = SparseMapReader.isSparse(header, pax);
    if (sparse && type != TarEntry.Type.REGULAR) {
      throw new IllegalArgumentException("only a file can be sparse, not a " + type);
    }
    if (pax.bytes("SCHILY.realsize").isPresent()) {
      throw new IllegalArgumentException("PAX SCHILY.realsize: star's sparse format is not known");
    }
    if (sparse) {
      long stored = record.isPresent() ? record.get() : header.size();
      SparseMapReader.Sparse file = sparseMaps.read(header, pax, stored);
      return new Body(file.offset(), file.size(), Optional.of(file.segments()));
    }
    long offset = archive.position();
    boolean dumpdir = header.typeflag() == 'D';
    boolean link = type == TarEntry.Type.HARD_LINK;
    if (type != TarEntry.Type.REGULAR && !dumpdir && !link) {
      return new Body(offset, 0, Optional.empty());
    }
    long size = record.isPresent() ? record.get() : header.size();
    if (!link || hasContent(size)) {
      archive.skip(header, size);
    }
    return new Body(offset, type == TarEntry.Type.REGULAR ? size : 0, Optional.empty());
  }

  /** Whether the {@code size} bytes that a hard link says it has are there. */
  private boolean hasContent(long size) throws IOException {
    if (size <= 0 || archive.left() < size || archive.peekHeader(0).isValid()) {
      return false;
    }
    TarHeader after = archive.peekHeader(size + (-size & TarHeader.BYTES - 1));
    return after.isValid() || after.isZero();
  }

  private static Instant mtime(TarHeader header) throws TarException {
    try {
      return Instant.ofEpochSecond(header.mtime());
    } catch (DateTimeException e) {
      throw new TarException(header.offset(), "the field mtime is no time: " + header.mtime(), e);
    }
  }

  private static TarEntry.Type type(TarHeader header, byte[] name) {
    boolean trailingSlash = name.length > 0 && name[name.length - 1] == '/';
    return switch (header.typeflag()) {
      // Archives of v7 mark a directory by its name only.
      case '0', '\0', '7' -> trailingSlash ? TarEntry.Type.DIRECTORY : TarEntry.Type.REGULAR;
      case '1' -> TarEntry.Type.HARD_LINK;
      case '2' -> TarEntry.Type.SYMBOLIC_LINK;
      case '3' -> TarEntry.Type.CHARACTER_DEVICE;
      case '4' -> TarEntry.Type.BLOCK_DEVICE;
      case '5', 'D' -> TarEntry.Type.DIRECTORY;
      case '6' -> TarEntry.Type.FIFO;
      case 'S' -> TarEntry.Type.REGULAR;
      case 'M' ->
          throw new IllegalArgumentException(
              "type 'M', the rest of a file that starts in another volume; join the volumes first");
      default ->
          throw new IllegalArgumentException(
              String.format("unknown type 0x%02x", (int) header.typeflag()));
    };
  }

  private static byte[] upToNul(byte[] bytes) {
    int length = 0;
    while (length < bytes.length && bytes[length] != 0) {
      length++;
    }
    return Arrays.copyOf(bytes, length);
  }
}
