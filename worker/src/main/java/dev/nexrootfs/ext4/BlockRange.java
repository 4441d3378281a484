package dev.nexrootfs.ext4;

import java.util.List;

/**
 * A run of blocks, of the image or of a file.
 *
 * @param start the first block
 * @param count how many, at least 1
 */
record BlockRange(long start, long count) {
  /** The first block after the run. */
  long end() {
    return start + count;
  }

  /** The index of the first of {@code ranges}, which ascend, that ends after {@code block}. */
  static int firstEndingAfter(List<BlockRange> ranges, long block) {
    int low = 0;
    int high = ranges.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ranges.get(middle).end() > block) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
}
