package dev.nexrootfs.tar;

import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.Content.DataRange;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Where the data of a file with holes is, as PAX sparse format 1.0 stores it before the data (GNU
 * tar manual, Sparse Formats).
 *
 * @param ranges the data, ascending; each starts at a multiple of 512 and ends at one or at the end
 *     of the file, as GNU tar reads each by blocks
 * @param size bytes of the file
 */
record SparseMap(List<DataRange> ranges, long size) {
  private static final int BLOCK = TarHeader.BYTES;

  /** The map of {@code content}. */
  static SparseMap of(Content content) {
    long size = content.size();
    List<DataRange> ranges = new ArrayList<>();
    for (DataRange range : content.dataRanges()) {
      long from = range.position() / BLOCK * BLOCK;
      long end = range.position() + range.length();
      long to = Math.min(size, (end + BLOCK - 1) / BLOCK * BLOCK);
      int last = ranges.size() - 1;
      if (last >= 0 && ranges.get(last).position() + ranges.get(last).length() >= from) {
        from = ranges.get(last).position();
        ranges.remove(last);
      }
      ranges.add(new DataRange(from, to - from));
    }
    return new SparseMap(List.copyOf(ranges), size);
  }

  /** Whether there is a hole at all. */
  boolean hasHoles() {
    return dataBytes() < size;
  }

  long dataBytes() {
    return ranges.stream().mapToLong(DataRange::length).sum();
  }

  /** The map as lines of numbers, filled up to a block. */
  byte[] encode() {
    StringBuilder text = new StringBuilder();
    DataRange last = ranges.isEmpty() ? null : ranges.get(ranges.size() - 1);
    boolean endsInHole = last == null || last.position() + last.length() < size;
    text.append(ranges.size() + (endsInHole ? 1 : 0)).append('\n');
    for (DataRange range : ranges) {
      text.append(range.position()).append('\n').append(range.length()).append('\n');
    }
    if (endsInHole) {
      text.append(size).append("\n0\n");
    }
    byte[] bytes = text.toString().getBytes(StandardCharsets.US_ASCII);
    return Arrays.copyOf(bytes, (bytes.length + BLOCK - 1) / BLOCK * BLOCK);
  }
}
