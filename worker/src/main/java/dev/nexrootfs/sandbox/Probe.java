package dev.nexrootfs.sandbox;

import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.LayerMerge;
import dev.nexrootfs.layer.SpooledInput;
import dev.nexrootfs.tar.TarWriter;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.Xattrs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/**
 * A try of a sandbox, with a tree of four files and a program of a few instructions that says "ok":
 * what a machine promises is not always what it gives.
 */
final class Probe {
  private static final ScriptLimits LIMITS =
      new ScriptLimits(Duration.ofSeconds(20), 64 << 20, 16, 16 << 20, 4096);

  private static final Instant TIME = Instant.ofEpochSecond(1_000_000_000, 1);
  private static final String USER_XATTR = "user.nex-rootfs";

  /** An ELF header, its one segment, and the code, by architecture as Java names it. */
  private static final Map<String, String> PROGRAMS =
      Map.of(
          // write(1, "ok\n", 3); exit(0)
          "amd64",
          elf("3e00") + "b801000000bf01000000488d3510000000ba030000000f05b83c00000031ff0f056f6b0a",
          "aarch64",
          elf("b700") + "200080d2e1000010620080d2080880d2010000d4000080d2a80b80d2010000d46f6b0a");

  private Probe() {}

  private static String elf(String machine) {
    return "7f454c4602010100"
        + "0000000000000000" //     e_ident: 64 bits, little endian
        + "0200"
        + machine
        + "01000000" //                e_type: executable; e_machine, e_version
        + "7800400000000000"
        + "4000000000000000" //      e_entry, e_phoff
        + "0000000000000000"
        + "00000000" //              e_shoff, e_flags
        + "4000"
        + "3800"
        + "0100"
        + "000000000000" //    sizes; one segment
        + "01000000"
        + "05000000" //                      PT_LOAD, read and execute
        + "0000000000000000" //                           p_offset
        + "0000400000000000"
        + "0000400000000000" //      p_vaddr, p_paddr
        + "c000000000000000"
        + "c000000000000000" //      p_filesz, p_memsz
        + "0010000000000000"; //                          p_align
  }

  /** Whether there is a program for {@code architecture}. */
  static boolean knows(String architecture) {
    return PROGRAMS.containsKey(architecture);
  }

  /**
   * Tries {@code sandbox}.
   *
   * @return whether its file system holds attributes of users
   * @throws UnavailableException where it does not do what it has to
   */
  static boolean of(ScriptSandbox sandbox, String architecture, LayerCache spool)
      throws UnavailableException, IOException {
    byte[] program = HexFormat.of().parseHex(PROGRAMS.get(architecture));
    // Whole pages are mapped, so the file may be shorter than its segment says by less than one.
    Script script = new Script(java.util.Arrays.copyOf(program, 0xC0), false, Map.of(), TIME);
    FileTree tree = tree();
    ScriptOutput output = new ScriptOutput(line -> {}, () -> {});
    StagedTree staged = StagedTree.of(tree, true, false);
    try (SpooledInput after =
        spool.spool(
            "a try of a sandbox",
            out ->
                sandbox.run(
                    in -> TarWriter.write(staged.tree(), in),
                    staged.bytes(),
                    staged.files(),
                    script,
                    LIMITS,
                    output,
                    out))) {
      LayerMerge merge = new LayerMerge();
      merge.add(new DecodedLayer(after.digest(), after.channel()));
      if (!output.tail().equals("ok")) {
        throw new UnavailableException("a program in it said \"" + output.tail() + "\"");
      }
      return check(tree, merge.tree());
    }
  }

  private static FileTree tree() {
    FileTree tree = new FileTree(TIME);
    Map<String, byte[]> user = Map.of(USER_XATTR, new byte[] {1});
    byte[] capability = new byte[20];
    capability[3] = 2; // VFS_CAP_REVISION_2
    capability[5] = 0x20; // cap_net_raw, permitted
    put(tree, "owned", new Attributes(04755, 65_535, 65_535, TIME, Xattrs.NONE));
    put(
        tree,
        "capable",
        new Attributes(0755, 0, 0, TIME, Xattrs.of(Map.of("security.capability", capability))));
    put(tree, "noted", new Attributes(0600, 1000, 1000, TIME, Xattrs.of(user)));
    return tree;
  }

  private static void put(FileTree tree, String name, Attributes attributes) {
    byte[] content = name.getBytes(StandardCharsets.US_ASCII);
    tree.root()
        .put(
            Name.of(name),
            new RegularFile(attributes, tree.nextSequence(), new ByteContent(content)));
  }

  private static boolean check(FileTree before, FileTree after) throws UnavailableException {
    Directory root = after.root();
    boolean userXattrs = false;
    for (Map.Entry<Name, Node> entry : before.root().entries().entrySet()) {
      Optional<Node> got = root.get(entry.getKey());
      Attributes was = entry.getValue().attributes();
      if (got.isEmpty()) {
        throw new UnavailableException("it lost a file");
      }
      Attributes is = got.get().attributes();
      boolean same =
          is.permissions() == was.permissions()
              && is.uid() == was.uid()
              && is.gid() == was.gid()
              && is.mtime().equals(was.mtime());
      if (!same) {
        throw new UnavailableException("it gave a file back as " + is + " where it was " + was);
      }
      boolean capable = was.xattrs().asMap().containsKey("security.capability");
      if (capable && !is.xattrs().asMap().containsKey("security.capability")) {
        throw new UnavailableException("it lost the capabilities of a file");
      }
      userXattrs |= is.xattrs().asMap().containsKey(USER_XATTR);
    }
    return userXattrs;
  }
}
