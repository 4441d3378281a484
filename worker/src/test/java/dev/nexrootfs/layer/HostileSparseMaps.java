package dev.nexrootfs.layer;

import static dev.nexrootfs.layer.HostileKind.refused;
import static dev.nexrootfs.layer.HostileKind.taken;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Tar;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Sparse files whose maps are malformed, lie, or are large. */
final class HostileSparseMaps {
  private static final long TIB = 1L << 40;

  private HostileSparseMaps() {}

  static List<HostileKind> kinds() {
    List<HostileKind> kinds = new ArrayList<>();
    kinds.addAll(sparseMaps());
    kinds.addAll(malformedMaps());
    kinds.addAll(largeSparseMaps());
    return kinds;
  }

  private static List<HostileKind> sparseMaps() {
    return List.of(
        taken(
            "sparse file of 1 TiB",
            tree -> checkSparse(tree, TIB, 1),
            sparse1("" + TIB, "2\n1099511627264\n512\n" + TIB + "\n0\n", 512)),
        taken(
            "sparse file of nothing but a hole",
            tree -> checkSparse(tree, TIB, 0),
            sparse1("" + TIB, "0\n", 0)),
        refused(
            "sparse file of 1 EiB", "ext4 holds at most", sparse1("1152921504606846976", "0\n", 0)),
        refused("sparse file of a negative size", "file of -5 bytes", sparse1("-5", "0\n", 0)),
        refused("segments that overlap", "ends at 1024", sparse("0,1024,512,512", "2000", 1536)),
        refused("segments that descend", "ends at 1536", sparse("1024,512,0,512", "2000", 1024)),
        refused("segment past the end", "in a file of 100", sparse("0,512", "100", 512)),
        refused(
            "segments of less than the data", "512 bytes in all", sparse("0,512", "4096", 1024)),
        refused(
            "segments of more than the data", "4096 bytes in all", sparse("0,4096", "4096", 512)),
        refused(
            "segment that is not of blocks", "whole blocks", sparse("0,100,512,100", "700", 200)),
        refused("segment of 64 bits", "1 to 18 do", sparse("0,9223372036854775807", "5", 0)),
        refused(
            "old segment that overflows",
            "which no file has",
            oldSparse(0, 0, false, 5, Long.MAX_VALUE - 2)));
  }

  private static List<HostileKind> malformedMaps() {
    return List.of(
        refused("map that is not numeric", "no number", sparse("0,x", "512", 512)),
        refused("map with a negative number", "no number", sparse("-1,512", "512", 512)),
        refused("map of an odd count", "middle of a segment", sparse("0,512,512", "512", 512)),
        refused(
            "map of no size",
            "no GNU.sparse.size",
            new Tar().pax('x', "GNU.sparse.map", "0,1").file("f", "x")),
        refused(
            "size of no map",
            "no GNU.sparse.map",
            new Tar().pax('x', "GNU.sparse.size", "1").file("f", "x")),
        refused(
            "numblocks that lie",
            "numblocks 7",
            new Tar()
                .pax(
                    'x',
                    "GNU.sparse.map",
                    "0,1",
                    "GNU.sparse.size",
                    "1",
                    "GNU.sparse.numblocks",
                    "7")
                .file("f", "x")),
        refused(
            "numbytes without offset",
            "not one of a pair",
            new Tar().pax('x', "GNU.sparse.numbytes", "1", "GNU.sparse.size", "1").file("f", "x")),
        refused(
            "sparse format 2.0",
            "sparse format 2.0",
            new Tar()
                .pax('x', "GNU.sparse.major", "2", "GNU.sparse.minor", "0", "GNU.sparse.size", "1")
                .file("f", "x")),
        refused(
            "sparse directory",
            "only a file can be sparse",
            new Tar().pax('x', "GNU.sparse.map", "0,1", "GNU.sparse.size", "1").directory("d/")),
        refused(
            "map in data that is cut off",
            "map is cut off",
            sparse1("5", "400\n" + "0\n".repeat(254), 0)),
        refused(
            "map in data without an end", "more than 18 digits", sparse1("5", "1".repeat(512), 0)),
        refused(
            "map in data of a huge count",
            "segments; 1048576 of the",
            sparse1("5", "999999999999999999\n", 0)),
        refused(
            "old map that overlaps",
            "ends at 1024",
            oldSparse(2000, 1536, false, 0, 1024, 512, 512)),
        refused(
            "old map of 2,000 blocks and no data",
            "cut off",
            oldSparse(1024, 1024, true, 0, 1024)));
  }

  private static List<HostileKind> largeSparseMaps() {
    return List.of(
        taken(
            "map of 400,000 segments",
            tree -> checkSparse(tree, 400_000L * 1024, 400_000),
            out -> writeSparse(out, 400_000)),
        refused(
            "map of 1,048,577 segments",
            "a map of 1048577 segments",
            out -> writeSparse(out, 1_048_577)),
        refused(
            "maps of 1,200,000 segments in all",
            "are left",
            out -> {
              for (int i = 0; i < 3; i++) {
                writeSparse(out, 400_000);
              }
            }));
  }

  private static Tar sparse(String map, String size, int stored) {
    return new Tar()
        .pax('x', "GNU.sparse.map", map, "GNU.sparse.size", size)
        .file("f", new byte[stored]);
  }

  private static Tar sparse1(String realsize, String map, int data) {
    byte[] text = map.getBytes(StandardCharsets.US_ASCII);
    byte[] content = Arrays.copyOf(text, text.length + (-text.length & 511) + data);
    return new Tar()
        .pax(
            'x',
            "GNU.sparse.major",
            "1",
            "GNU.sparse.minor",
            "0",
            "GNU.sparse.name",
            "f",
            "GNU.sparse.realsize",
            realsize)
        .file("GNUSparseFile.0/f", content);
  }

  /** An entry of type 'S'; {@code extended} where its map goes on in blocks that say so too. */
  private static Tar oldSparse(long realsize, int stored, boolean extended, long... map) {
    byte[] header = Tar.header("f", 'S', 0644, 0, 0, stored, "");
    byte[] magic = "ustar  \0".getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(magic, 0, header, 257, 8);
    Arrays.fill(header, 329, 500, (byte) 0);
    for (int i = 0; i < map.length; i++) {
      octal(header, 386 + 12 * i, map[i]);
    }
    header[482] = (byte) (extended ? 1 : 0);
    octal(header, 483, realsize);
    byte[] more = new byte[512];
    more[504] = 1;
    Tar tar = new Tar().raw(Tar.withChecksum(header));
    for (int i = 0; extended && i < 2000; i++) {
      tar.raw(more);
    }
    return extended ? tar : tar.raw(new byte[stored]);
  }

  private static void octal(byte[] header, int at, long value) {
    if (value > 077777777777L) {
      ByteBuffer.wrap(header).putInt(at, 0x8000_0000).putLong(at + 4, value);
      return;
    }
    byte[] text = String.format("%011o", value).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, header, at, 11);
  }

  private static void checkSparse(FileTree tree, long size, int segments) throws IOException {
    Content content = ((RegularFile) tree.find(TreePath.of("/f")).orElseThrow()).content();
    assertThat(content.size()).isEqualTo(size);
    assertThat(content.dataRanges()).hasSize(segments);
    ByteBuffer bytes = ByteBuffer.allocate(100_000);
    content.read(size - bytes.capacity(), bytes);
    assertThat(bytes.hasRemaining()).isFalse();
  }

  /** Every second block of a file; its data is a hole of the archive's file. */
  private static void writeSparse(java.io.RandomAccessFile out, int segments) throws IOException {
    StringBuilder map = new StringBuilder().append(segments).append('\n');
    for (int i = 0; i < segments; i++) {
      map.append(i * 1024L).append("\n512\n");
    }
    byte[] text = map.toString().getBytes(StandardCharsets.US_ASCII);
    long padded = text.length + (-text.length & 511L);
    long stored = padded + segments * 512L;
    out.write(
        new Tar()
            .pax(
                'x',
                "GNU.sparse.major",
                "1",
                "GNU.sparse.minor",
                "0",
                "GNU.sparse.realsize",
                "" + segments * 1024L)
            .raw(Tar.header("f", '0', 0644, 0, 0, stored, ""))
            .unfinished());
    long start = out.getFilePointer();
    out.write(text);
    out.seek(start + stored);
  }
}
