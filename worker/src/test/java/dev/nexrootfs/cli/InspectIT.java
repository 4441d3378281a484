package dev.nexrootfs.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.ext4.Images;
import dev.nexrootfs.ext4.Trees;
import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.Host;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.Program;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Name;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.Xattrs;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectIT {
  @TempDir Path directory;
  private final FileTree tree = Trees.empty();
  private Path image = Path.of("");

  @BeforeEach
  void writeImage() throws Exception {
    Directory etc = Trees.directory(tree, tree.root(), "etc");
    Xattrs xattrs = Xattrs.of(Map.of("user.note", new byte[] {1, 2, 3}));
    Attributes attributes = new Attributes(04755, 7, 8, Trees.TIME, xattrs);
    Trees.file(tree, etc, "motd", attributes, ByteContent.of("hello\n"));
    Trees.link(tree, etc, "link", "motd");
    Trees.device(tree, etc, "null", DeviceNode.Type.CHARACTER, 1, 3);
    etc.put(
        Name.of(new byte[] {(byte) 0xFF, 'z'}),
        new RegularFile(Trees.plain(), tree.nextSequence(), ByteContent.of("stray")));
    image = directory.resolve("image");
    Images.write(tree, 32 << 20, image);
  }

  private String inspect(int exit, Object... arguments) {
    Object[] all = new Object[arguments.length + 2];
    all[0] = "inspect";
    all[1] = image;
    System.arraycopy(arguments, 0, all, 2, arguments.length);
    Command.Result result = Program.run(all);
    assertThat(result.exit()).as(result.output()).isEqualTo(exit);
    return new String(result.bytes(), StandardCharsets.UTF_8);
  }

  @Test
  void superblockIsToldAndTheVerdictWhenAsked() {
    assertThat(inspect(0)).contains("metadata_csum_seed").doesNotContain("verified");
    assertThat(inspect(0, "--verify")).contains("verified   nothing found");
  }

  @Test
  void whatIsWrongIsALineEachAndTheStatusIsOne() throws Exception {
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.seek(1024 + 0x248);
      file.write(0x77);
    }
    assertThat(inspect(1, "--verify"))
        .contains("superblock: s_checksum ")
        .contains("superblock: s_overhead_clusters ")
        .contains("verified   2 found");
    assertThat(inspect(1, "--verify", "--max-findings", "1")).contains("1 found or more");
  }

  @Test
  void directoriesAreListedAsLsDoes() {
    assertThat(inspect(0, "/"))
        .contains("/:\ndrwxr-xr-x 2 0 0  4096 2024-02-29T12:34:56.123456789Z etc\n")
        .contains("\n\n/etc:\n")
        .contains("-rwsr-xr-x+ 1 7 8    6 2024-02-29T12:34:56.123456789Z motd\n\tuser.note 3\n")
        .contains("lrwxrwxrwx  1 0 0    4 2024-02-29T12:34:56.123456789Z link -> motd\n")
        .contains("crw-r--r--  1 0 0 1, 3 2024-02-29T12:34:56.123456789Z null\n")
        .contains("-rw-r--r--  1 0 0    5 2024-02-29T12:34:56.123456789Z \\xffz\n")
        .contains("\n/lost+found:\n");
    assertThat(inspect(0, "/etc/link")).contains("/etc/link -> motd").startsWith("l");
  }

  @Test
  void filesArePrinted() {
    assertThat(inspect(0, "/etc/motd")).isEqualTo("hello\n");
    assertThat(inspect(0, "etc/\\xffz")).isEqualTo("stray");
  }

  @Test
  void outputThatIsLostIsAFailure() {
    for (String what : List.of("/", "/etc/motd", "--tar=-", "--verify")) {
      Object[] words = Program.words(List.of(), "inspect", image, what).toArray();
      List<Object> shell = new ArrayList<>(List.of("sh", "-c", "exec \"$@\" > /dev/full", "sh"));
      shell.addAll(List.of(words));
      assertThat(Command.of(shell.toArray()).run().exit()).as(what).isEqualTo(1);
    }
  }

  @Test
  void treeIsExportedWithEverythingInIt() throws Exception {
    Assumptions.assumeTrue(
        Command.of("id", "-u").run().output().strip().equals("0"), "needs root for owners");
    Path archive = directory.resolve("tree.tar");
    assertThat(inspect(0, "--tar", archive)).isEmpty();
    Path out = Files.createDirectory(directory.resolve("out"));
    Command.of("tar", "--xattrs", "--xattrs-include=*", "-xpf", archive, "-C", out).run().orThrow();
    assertThat(Listing.of(tree).differences(Host.list(out))).isEmpty();
    String value =
        Command.of(
                "getfattr",
                "--absolute-names",
                "--only-values",
                "-n",
                "user.note",
                out.resolve("etc/motd"))
            .run()
            .orThrow()
            .output();
    assertThat(value).isEqualTo("\1\2\3");
    assertThat(
            Command.of("tar", "tf", "-")
                .input(Program.run("inspect", image, "/etc", "--tar", "-").bytes())
                .run()
                .orThrow()
                .output())
        .contains("./motd\n")
        .doesNotContain("etc");
  }

  @Test
  void whatCannotBeDoneIsSaid() throws Exception {
    assertThat(inspect(1, "/none"))
        .contains("there is no /none", "inspect " + image + " / lists all");
    assertThat(inspect(1, "/etc/motd", "--tar", "-")).contains("/etc/motd is no directory");
    assertThat(inspect(2, "/../etc")).contains("PATH /../etc");
    assertThat(inspect(2, "--max-findings", "0")).contains("--max-findings 0");
    assertThat(Program.run("inspect").exit()).isEqualTo(2);
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(20 << 20);
      assertThat(inspect(1))
          .contains(image + ": superblock: the image is cut off", "copy it again");
      file.setLength(100);
      assertThat(inspect(1, "--verify")).contains("there is none", "100 bytes");
    }
    Files.delete(image);
    assertThat(inspect(1)).contains("there is no such file");
    assertThat(Program.run("inspect", directory).output()).contains("is a directory");
  }
}
