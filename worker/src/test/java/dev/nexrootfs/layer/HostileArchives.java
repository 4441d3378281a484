package dev.nexrootfs.layer;

import static dev.nexrootfs.layer.HostileKind.extension;
import static dev.nexrootfs.layer.HostileKind.refused;
import static dev.nexrootfs.layer.HostileKind.repeated;
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

/** Archives that are malformed, lie, or ask for more than there is. */
final class HostileArchives {
  private static final long TIB = 1L << 40;

  private HostileArchives() {}

  static List<HostileKind> kinds() {
    List<HostileKind> kinds = new ArrayList<>();
    kinds.addAll(extensionHeaders());
    kinds.addAll(paxLengths());
    kinds.addAll(sizesAndFields());
    kinds.addAll(sparseMaps());
    kinds.addAll(largeSparseMaps());
    kinds.addAll(truncated());
    return kinds;
  }

  private static List<HostileKind> extensionHeaders() {
    return List.of(
        refused(
            "20,000 chained long names",
            "more than 32 extension headers",
            repeated(20_000, i -> new Tar().gnuLong('L', "n" + i))),
        refused(
            "20,000 chained PAX headers",
            "more than 32 extension headers",
            repeated(20_000, i -> new Tar().pax('x', "path", "n" + i))),
        refused(
            "PAX headers of 30 MiB before one entry",
            "extension headers of more than 1048576 bytes",
            repeated(30, i -> new Tar().pax('x', "key" + i, "v".repeat(1_000_000)))),
        refused(
            "PAX header of 1.5 GiB",
            "at most 1048576",
            new Tar().raw(Tar.header("x", 'x', 0644, 0, 0, 3L << 29, ""))),
        refused(
            "long name of 1.5 GiB",
            "at most 4097",
            new Tar().raw(Tar.header("x", 'L', 0644, 0, 0, 3L << 29, ""))),
        refused(
            "long link of a negative size",
            "of -1 bytes",
            new Tar().raw(negativeSize(Tar.header("x", 'K', 0644, 0, 0, 0, "")))),
        taken(
            "20,000 global headers over 50,000 keys",
            tree -> assertThat(tree.root().entries()).hasSize(20_000),
            out -> {
              StringBuilder many = new StringBuilder();
              for (int i = 10_000; i < 60_000; i++) {
                many.append("10 ").append(i).append("=\n");
              }
              out.write(extension('g', many.toString()));
              repeated(20_000, i -> new Tar().pax('g', "comment", "c" + i).file("f" + i, ""))
                  .write(out);
            }),
        refused(
            "global headers of 2 MiB in all",
            "global headers of more than",
            repeated(20, i -> new Tar().pax('g', "k" + i, "v".repeat(100_000)).file("f", ""))),
        refused(
            "sparse map for every file",
            "in a global header",
            new Tar().pax('g', "GNU.sparse.map", "0,1", "GNU.sparse.size", "1").file("f", "x")),
        refused(
            "extension header at the end",
            "ends between an extension header",
            new Tar().pax('x', "a", "b")));
  }

  private static List<HostileKind> paxLengths() {
    List<HostileKind> kinds = new ArrayList<>();
    String[] records = {
      "0 a=b\n",
      "5 a=b\n",
      "1 a=b\n",
      "99 a=b\n",
      "x a=b\n",
      "-6 a=b\n",
      "6 a=bc",
      "6 a=b ",
      " a=b\n",
      "99999999999999999999 a=b\n",
      "6 =bcd\n",
      "4294967302 a=b\n"
    };
    for (String record : records) {
      boolean emptyKey = record.equals("6 =bcd\n");
      kinds.add(
          refused(
              "PAX record \"" + record.strip() + "\" of " + record.length() + " bytes",
              emptyKey ? "PAX record" : "a PAX record that is not",
              new Tar().raw(extension('x', record)).file("f", "")));
    }
    return kinds;
  }

  private static List<HostileKind> sizesAndFields() {
    byte[] changed = Tar.header("f", '0', 0644, 0, 0, 0, "");
    changed[0] ^= 1;
    byte[] wide = Tar.header("f", '0', 0644, 0, 0, 0, "");
    Arrays.fill(wide, 124, 136, (byte) 0x7F);
    wide[124] = (byte) 0x80;
    byte[] text = Tar.header("f", '0', 0644, 0, 0, 0, "");
    text[104] = '9';
    byte[] late = Tar.header("f", '0', 0644, 0, 0, 0, "");
    Arrays.fill(late, 137, 148, (byte) 0);
    late[136] = (byte) 0x80;
    late[140] = 0x7F;
    return List.of(
        refused("changed header", "header checksum", new Tar().raw(changed)),
        refused("size of 88 bits", "more than 64 bits", new Tar().raw(Tar.withChecksum(wide))),
        refused("mode that is not octal", "not octal", new Tar().raw(Tar.withChecksum(text))),
        refused(
            "time in base-256 past all", "mtime is no time", new Tar().raw(Tar.withChecksum(late))),
        refused(
            "negative size",
            "of -1 bytes",
            new Tar().raw(negativeSize(Tar.header("f", '0', 0644, 0, 0, 0, "")))),
        refused("file of 8 EiB", "lies", pax("size", "9223372036854775807")),
        refused("negative PAX size", "of -512 bytes", pax("size", "-512")),
        refused("PAX size with an exponent", "PAX size is not a number", pax("size", "1e9")),
        refused("PAX size with a fraction", "not a whole number", pax("size", "1.5")),
        refused("PAX uid of 65 bits", "64 bits", pax("uid", "18446744073709551616")),
        refused("PAX time past all", "PAX mtime is no time", pax("mtime", "99999999999999999999")),
        refused(
            "PAX time before all", "PAX mtime is no time", pax("mtime", "-99999999999999999999")),
        refused("uid 2^32-1", "uid 4294967295", pax("uid", "4294967295")),
        refused("gid -2", "gid -2", pax("gid", "-2")),
        refused(
            "attribute of 70,000 bytes",
            "at most 65536",
            pax("SCHILY.xattr.user.a", "v".repeat(70_000))),
        refused(
            "attribute with NUL in its name", "NUL in its name", pax("SCHILY.xattr.user.\0", "v")),
        refused("attribute without a name", "1 to 255", pax("SCHILY.xattr.", "v")),
        refused(
            "attribute name of 300 bytes",
            "1 to 255",
            pax("SCHILY.xattr.user." + "n".repeat(295), "v")),
        refused("list of NFSv4", "SCHILY.acl.ace", pax("SCHILY.acl.ace", "owner@:rwx::allow")),
        refused(
            "list with a name",
            "\"user:joe:rwx\"",
            pax("SCHILY.acl.access", "user::rwx,user:joe:rwx")),
        refused("unknown type", "unknown type 0x5a", new Tar().entry("f", 'Z', 0644, 0, 0, "")),
        refused("part of a volume", "type 'M'", new Tar().entry("f", 'M', 0644, 0, 0, "")),
        refused("device past the kernel's", "device 4096:0", device("4096", "0")),
        refused("device of negative number", "device 1:-1", device("1", "-1")),
        refused("zeros inside", "one block of zeros", new Tar().raw(new byte[512]).file("f", "")),
        taken(
            "garbage after the end",
            tree -> assertThat(tree.root().entries()).hasSize(1),
            new Tar().file("f", "").raw(new byte[1024]).raw(new byte[] {1, 2, 3}).file("g", "")),
        taken(
            "directory and link with sizes",
            tree -> assertThat(tree.root().entries()).hasSize(4),
            new Tar()
                .raw(Tar.header("d", '5', 0755, 0, 0, 1L << 40, ""))
                .file("f", "")
                .raw(Tar.header("h", '1', 0755, 0, 0, 1L << 40, "f"))
                .raw(Tar.header("s", '2', 0755, 0, 0, 1L << 40, "f"))));
  }

  private static Tar pax(String key, String value) {
    return new Tar().pax('x', key, value).file("f", "");
  }

  private static Tar device(String major, String minor) {
    return new Tar()
        .pax('x', "SCHILY.devmajor", major, "SCHILY.devminor", minor)
        .entry("c", '3', 0600, 0, 0, "");
  }

  private static byte[] negativeSize(byte[] header) {
    Arrays.fill(header, 124, 136, (byte) 0xFF);
    return Tar.withChecksum(header);
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
            oldSparse(0, 0, false, 5, Long.MAX_VALUE - 2)),
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

  private static List<HostileKind> truncated() {
    byte[] whole =
        new Tar().directory("d/").pax('x', "path", "long").file("f", "hello").unfinished();
    List<HostileKind> kinds = new ArrayList<>();
    for (int length : new int[] {511, 513, 1023, 1025, 1536, 1537, 2047, 2049, 2052}) {
      kinds.add(
          refused(
              "cut off after " + length + " bytes",
              "cut off",
              out -> {
                out.write(whole, 0, length);
                out.setLength(length);
                out.seek(-1 + length);
              }));
    }
    return kinds;
  }
}
