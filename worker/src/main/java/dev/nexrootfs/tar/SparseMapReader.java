package dev.nexrootfs.tar;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * Reads what GNU tar writes of a file with holes (GNU tar manual, Sparse Formats): the old map of
 * an entry of type 'S', and those of PAX formats 0.0, 0.1 and 1.0.
 */
final class SparseMapReader {
  /** Most segments of all entries of an archive. */
  static final int MAX_SEGMENTS = 1 << 20;

  /** What ext4 can hold in one file with blocks of 4096 bytes. */
  private static final long MAX_SIZE = 0xFFFF_FFFFL * 4096;

  private static final String PREFIX = "GNU.sparse.";
  private static final List<String> KEYS =
      List.of("name", "size", "realsize", "numblocks", "map", "major", "minor");

  private static final int MAX_DIGITS = 18;
  private static final int SEGMENT_BYTES = 24; //       struct sparse: offset[12], numbytes[12]

  private final ArchiveBytes archive;
  private int segmentsLeft = MAX_SEGMENTS;

  SparseMapReader(ArchiveBytes archive) {
    this.archive = archive;
  }

  /**
   * A file with holes.
   *
   * @param size with the holes, bytes
   * @param offset where its data starts in the archive
   * @param segments what the data is
   */
  record Sparse(long size, long offset, DataSegments segments) {}

  static boolean isSparse(TarHeader header, PaxRecords pax) {
    return header.typeflag() == 'S' || pax.hasKeyOf(PREFIX);
  }

  /** The name of a sparse file where the header has another for programs that know none. */
  static Optional<byte[]> name(PaxRecords pax) {
    return pax.bytes(PREFIX + "name");
  }

  /**
   * Reads the map of an entry whose header, or the first block of its content, comes next; the data
   * is skipped.
   *
   * @param stored bytes that the archive has of the entry after its header
   * @throws TarException where the map is malformed or past a limit; without the entry's name
   * @throws IllegalArgumentException the same, where the message is about the map alone
   */
  Sparse read(TarHeader header, PaxRecords pax, long stored) throws IOException {
    DataSegments.Builder builder = new DataSegments.Builder(segmentsLeft);
    long dataBytes = stored;
    long size;
    if (header.typeflag() == 'S') {
      if (pax.hasKeyOf(PREFIX)) {
        throw new IllegalArgumentException(
            "type 'S' and PAX GNU.sparse records exclude each other");
      }
      size = header.realsize();
      readOldMap(header, builder);
    } else {
      checkKeys(pax);
      size = size(pax);
      if (isMapInData(pax)) {
        dataBytes -= readMapInData(builder, stored);
      } else {
        readMapRecord(pax, builder);
      }
    }
    if (size < 0 || size > MAX_SIZE) {
      throw new IllegalArgumentException(
          "a file of " + size + " bytes; ext4 holds at most " + MAX_SIZE);
    }
    DataSegments segments = builder.build(size, dataBytes);
    segmentsLeft -= segments.count();
    long offset = archive.position();
    archive.skip(header, dataBytes);
    return new Sparse(size, offset, segments);
  }

  private void readOldMap(TarHeader header, DataSegments.Builder builder) throws IOException {
    addOldSegments(header, 386, 4, builder); //         struct sparse sp[4]
    boolean isExtended = header.block()[482] != 0; //   char isextended
    while (isExtended) {
      TarHeader more = archive.readHeader();
      addOldSegments(more, 0, 21, builder); //          struct sparse sp[21]
      isExtended = more.block()[504] != 0; //           char isextended
    }
  }

  private static void addOldSegments(
      TarHeader block, int from, int count, DataSegments.Builder builder) throws TarException {
    for (int i = 0; i < count; i++) {
      int at = from + i * SEGMENT_BYTES;
      boolean isLast = block.block()[at] == 0 && block.block()[at + 12] == 0;
      if (isLast) {
        return;
      }
      builder.add(
          block.number("sparse offset", at, 12), block.number("sparse numbytes", at + 12, 12));
    }
  }

  private static void checkKeys(PaxRecords pax) {
    Optional<String> unknown =
        pax.keysOf(PREFIX)
            .filter(key -> !KEYS.contains(key.substring(PREFIX.length())))
            .findFirst();
    if (unknown.isPresent()) {
      throw new IllegalArgumentException("the record is of no sparse format: " + unknown.get());
    }
  }

  private static long size(PaxRecords pax) throws TarException {
    Optional<Long> size = pax.number(PREFIX + "size");
    Optional<Long> realsize = pax.number(PREFIX + "realsize");
    if (size.isPresent() && realsize.isPresent() && !size.equals(realsize)) {
      throw new IllegalArgumentException(
          "GNU.sparse.size " + size.get() + " and GNU.sparse.realsize " + realsize.get());
    }
    return size.or(() -> realsize)
        .orElseThrow(
            () -> new IllegalArgumentException("no GNU.sparse.size and no GNU.sparse.realsize"));
  }

  private static boolean isMapInData(PaxRecords pax) throws TarException {
    long major = pax.number(PREFIX + "major").orElse(0L);
    long minor = pax.number(PREFIX + "minor").orElse(major == 0 ? 1L : 0L);
    boolean known = major == 0 ? minor == 0 || minor == 1 : major == 1 && minor == 0;
    if (!known) {
      throw new IllegalArgumentException(
          "sparse format " + major + "." + minor + "; 0.0, 0.1 and 1.0 are known");
    }
    return major == 1;
  }

  private static void readMapRecord(PaxRecords pax, DataSegments.Builder builder)
      throws TarException {
    Optional<byte[]> map = pax.bytes(PREFIX + "map");
    Optional<Long> blocks = pax.number(PREFIX + "numblocks");
    if (map.isEmpty() && !blocks.equals(Optional.of(0L))) {
      throw new IllegalArgumentException("no GNU.sparse.map, and no offsets with numbytes");
    }
    byte[] text = map.orElse(new byte[0]);
    long numbers = 0;
    long position = 0;
    int at = 0;
    while (at < text.length) {
      int end = at;
      while (end < text.length && text[end] != ',') {
        end++;
      }
      long number = number(new String(text, at, end - at, StandardCharsets.ISO_8859_1));
      if (numbers++ % 2 == 0) {
        position = number;
      } else {
        builder.add(position, number);
      }
      at = end + 1;
    }
    if (numbers % 2 != 0 || (text.length > 0 && text[text.length - 1] == ',')) {
      throw new IllegalArgumentException("GNU.sparse.map ends in the middle of a segment");
    }
    if (blocks.isPresent() && blocks.get() != numbers / 2) {
      throw new IllegalArgumentException(
          "GNU.sparse.numblocks " + blocks.get() + " where the map has " + numbers / 2);
    }
  }

  /** Reads the map that stands in whole blocks before the data, and returns its bytes. */
  private long readMapInData(DataSegments.Builder builder, long stored) throws IOException {
    long start = archive.position();
    long end = start + Math.min(Math.max(0, stored), archive.left());
    long count = readNumber(end);
    if (count > segmentsLeft) {
      throw new IllegalArgumentException(
          "a map of "
              + count
              + " segments; "
              + segmentsLeft
              + " of the "
              + MAX_SEGMENTS
              + " that an archive may have are left");
    }
    for (long i = 0; i < count; i++) {
      long position = readNumber(end);
      builder.add(position, readNumber(end));
    }
    long bytes = archive.position() - start;
    long whole = bytes + archive.skipToBlock(bytes);
    if (whole > stored) {
      throw new IllegalArgumentException(
          "the map ends outside of the entry's " + stored + " bytes");
    }
    return whole;
  }

  private long readNumber(long end) throws IOException {
    StringBuilder digits = new StringBuilder();
    while (true) {
      if (archive.position() >= end) {
        throw new IllegalArgumentException("the map is cut off");
      }
      int next = archive.readByte();
      if (next == '\n') {
        return number(digits.toString());
      }
      digits.append((char) next);
      if (digits.length() > MAX_DIGITS) {
        throw new IllegalArgumentException("the map has a number of more than 18 digits");
      }
    }
  }

  private static long number(String digits) {
    if (digits.isEmpty() || digits.length() > MAX_DIGITS) {
      throw new IllegalArgumentException(
          "the map has a number of " + digits.length() + " digits; 1 to 18 do");
    }
    long value = 0;
    for (int i = 0; i < digits.length(); i++) {
      int digit = digits.charAt(i) - '0';
      if (digit < 0 || digit > 9) {
        throw new IllegalArgumentException("the map has what is no number where one is due");
      }
      value = 10 * value + digit;
    }
    return value;
  }
}
