package dev.nexrootfs.tar;

import java.util.Arrays;

/**
 * Where the data of a sparse file is: runs of bytes, ascending and apart, which stand in the
 * archive one right after the other. Primitive arrays, since a file may have a million of them.
 */
public final class DataSegments {
  /** Bytes of memory that one segment takes. */
  public static final int BYTES_PER_SEGMENT = 16;

  private final long[] positions;

  /** Data bytes before each segment, and of all. */
  private final long[] stored;

  private DataSegments(long[] positions, long[] stored) {
    this.positions = positions;
    this.stored = stored;
  }

  /** How many there are. */
  public int count() {
    return positions.length;
  }

  /** The first byte of segment {@code index}, counted in the file. */
  public long position(int index) {
    return positions[index];
  }

  /** Bytes of segment {@code index}, at least 1. */
  public long length(int index) {
    return stored[index + 1] - stored[index];
  }

  /** The first byte of segment {@code index}, counted in the entry's data. */
  public long stored(int index) {
    return stored[index];
  }

  /**
   * The segment that holds the byte at {@code position}, or the next one; {@link #count} if none.
   */
  public int at(long position) {
    int found = Arrays.binarySearch(positions, position);
    int before = found >= 0 ? found : -found - 2;
    boolean inside = before >= 0 && position - positions[before] < length(before);
    return inside ? before : before + 1;
  }

  /** Segments as they are read. */
  static final class Builder {
    private static final int BLOCK = TarHeader.BYTES;

    private final int limit;
    private long[] positions = new long[4];
    private long[] stored = new long[5];
    private int count;
    private long end;

    /** For at most {@code limit} segments. */
    Builder(int limit) {
      this.limit = limit;
    }

    /**
     * Adds a segment; one without bytes is none, and one that follows another without a hole is a
     * part of it.
     *
     * @throws IllegalArgumentException where it is not after the last one, or is one too many
     */
    void add(long position, long length) {
      if (position < 0 || length < 0 || position > Long.MAX_VALUE - length) {
        throw new IllegalArgumentException(
            "a segment at " + position + " of " + length + " bytes, which no file has");
      }
      if (position < end) {
        throw new IllegalArgumentException(
            "a segment at " + position + " where the one before ends at " + end);
      }
      if (length > 0) {
        append(position, length);
      }
      end = position + length;
    }

    private void append(long position, long length) {
      if (stored[count] % BLOCK != 0) {
        // GNU tar fills each segment up to a block, libarchive and Go only the last one.
        throw new IllegalArgumentException(
            "a segment that ends at "
                + end
                + " with others after it; all but the last are whole blocks of "
                + BLOCK);
      }
      if (count > 0 && position == end) {
        stored[count] = Math.addExact(stored[count], length);
        return;
      }
      if (count == limit) {
        throw new IllegalArgumentException("more than " + limit + " segments are left to hold");
      }
      if (count == positions.length) {
        positions = Arrays.copyOf(positions, 2 * count);
        stored = Arrays.copyOf(stored, 2 * count + 1);
      }
      positions[count] = position;
      stored[count + 1] = Math.addExact(stored[count], length);
      count++;
    }

    /**
     * The segments of a file of {@code size} bytes.
     *
     * @param dataBytes bytes that the archive has of them
     * @throws IllegalArgumentException where they are not the segments of such a file
     */
    DataSegments build(long size, long dataBytes) {
      if (end > size) {
        throw new IllegalArgumentException(
            "a segment that ends at " + end + " in a file of " + size + " bytes");
      }
      if (stored[count] != dataBytes) {
        throw new IllegalArgumentException(
            "segments of "
                + stored[count]
                + " bytes in all where the entry has "
                + dataBytes
                + " bytes of data");
      }
      return new DataSegments(Arrays.copyOf(positions, count), Arrays.copyOf(stored, count + 1));
    }
  }
}
