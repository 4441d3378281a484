package dev.nexrootfs.layer;

import static dev.nexrootfs.layer.HostileKind.extension;
import static dev.nexrootfs.layer.HostileKind.refused;
import static dev.nexrootfs.layer.HostileKind.repeated;
import static dev.nexrootfs.layer.HostileKind.taken;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Tar;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Archives that are malformed, lie, or ask for more than there is. */
final class HostileArchives {

  private HostileArchives() {}

  static List<HostileKind> kinds() {
    List<HostileKind> kinds = new ArrayList<>();
    kinds.addAll(extensionHeaders());
    kinds.addAll(paxLengths());
    kinds.addAll(sizesAndFields());
    kinds.addAll(entryFields());
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
            "PAX time before all", "PAX mtime is no time", pax("mtime", "-99999999999999999999")));
  }

  private static List<HostileKind> entryFields() {
    return List.of(
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
