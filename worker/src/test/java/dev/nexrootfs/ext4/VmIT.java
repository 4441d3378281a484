package dev.nexrootfs.ext4;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oracle.Command;
import dev.nexrootfs.oracle.E2fsck;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.oracle.Vm;
import dev.nexrootfs.tree.Directory;
import dev.nexrootfs.tree.FileTree;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images in use: a guest's kernel mounts, grows and fills them, and loses its power. */
class VmIT {
  private static final long SMALL = 64L << 20;
  private static final long LARGE = 20L << 30;
  private static final String MOUNT = "mount -t ext4 /dev/vda /mnt\n";
  private static final String UNMOUNT = "umount /mnt\n";

  @TempDir Path directory;
  private final FileTree tree = Trees.empty();
  private Path image = Path.of("");

  @BeforeEach
  void writeSmallImageOnLargeDisk() throws Exception {
    Vm.require();
    Trees.file(tree, tree.root(), "file", 5000);
    Directory many = Trees.directory(tree, tree.root(), "many");
    for (int i = 0; i < 300; i++) {
      Trees.file(tree, many, "entry-" + i, i * 37L);
    }
    image = directory.resolve("tree.img");
    Images.write(tree, SMALL, image);
    try (RandomAccessFile disk = new RandomAccessFile(image.toFile(), "rw")) {
      disk.setLength(LARGE);
    }
  }

  @Test
  void runningGuestGrowsTheFileSystemByIoctl() throws Exception {
    // 80 MiB more than fill what there was.
    runsWell(
        MOUNT
            + checkTree()
            + grow(LARGE)
            + """
            dd if=/dev/urandom of=/mnt/new bs=1M count=80 status=none
            mkdir /mnt/below
            cp /mnt/many/* /mnt/below
            sha256sum /mnt/new > /tmp/sums
            """
            + UNMOUNT
            + MOUNT
            + """
            sha256sum --check --quiet /tmp/sums
            diff -r /mnt/many /mnt/below
            """
            + checkTree()
            + UNMOUNT);
    E2fsck.checkUsed(image);
    isAsLargeAs(LARGE);
  }

  @Test
  @Tag("soak")
  void resize2fsInTheGuestGrowsTheFileSystemAndTheIoctlGrowsItFurther() throws Exception {
    runsWell(
        MOUNT
            + "resize2fs /dev/vda 8G\n"
            + "dd if=/dev/urandom of=/mnt/new bs=1M count=80 status=none\n"
            + grow(LARGE)
            + "cp /mnt/new /mnt/newer\n"
            + UNMOUNT
            + MOUNT
            + "cmp /mnt/new /mnt/newer\n"
            + checkTree()
            + UNMOUNT);
    E2fsck.checkUsed(image);
    isAsLargeAs(LARGE);
  }

  @Test
  @Tag("soak")
  void grownFileSystemWithstandsStress() throws Exception {
    Vm.Result result =
        runsWell(
            MOUNT
                + grow(LARGE)
                + """
            mkdir /mnt/stress
            stress-ng --temp-path /mnt/stress --timeout 20 --verify --dir 1 --dentry 1 --rename 1 \\
              --link 1 --symlink 1 --xattr 1 --hdd 1 --hdd-bytes 64m --fallocate 1 --fallocate-bytes 64m
            """
                + UNMOUNT
                + MOUNT
                + checkTree()
                + UNMOUNT);
    assertThat(result.output()).contains("skipped: 0", "passed: 8:", "failed: 0");
    E2fsck.checkUsed(image);
  }

  @ParameterizedTest
  @Tag("soak")
  @ValueSource(ints = {1, 20, 100})
  void guestThatLostItsPowerFindsWhatItHadSynced(int rounds) throws Exception {
    String kept =
        """
        mkdir /mnt/kept
        cp /mnt/many/* /mnt/kept
        dd if=/dev/urandom of=/mnt/kept/large bs=1M count=80 status=none
        sha256sum /mnt/kept/* > /mnt/sums
        sync
        """;
    String lost =
        """
        round=0
        while true; do
          round=$((round + 1))
          mkdir /mnt/round-$round
          cp /mnt/many/entry-2* /mnt/round-$round
          cp -rl /mnt/round-$round /mnt/links-$round
          rm -rf /mnt/round-$((round - 3)) /mnt/links-$((round - 2))
          if [ $round = %d ]; then echo cut; fi
        done
        """
            .formatted(rounds);
    Vm.Result cut =
        Vm.of(image, directory)
            .killAt("cut", "mount -t ext4 -o commit=1 /dev/vda /mnt\n" + grow(LARGE) + kept + lost);
    assertThat(cut.ending()).as(cut.output()).isEqualTo(Vm.Ending.KILLED);
    assertThat(cut.complaints()).isEmpty();
    assertThat(header("Filesystem features")).contains("needs_recovery");
    assertThat(header("Journal start")).isNotEqualTo("0");
    Vm.Result again =
        runsWell(
            MOUNT
                + "sha256sum --check --quiet /mnt/sums\n"
                + checkTree()
                + "cp -r /mnt/kept /mnt/again\n"
                + UNMOUNT);
    assertThat(again.console()).contains("EXT4-fs (vda): recovery complete");
    E2fsck.checkUsed(image);
    isAsLargeAs(LARGE);
  }

  /** Runs a script in a guest, which has to succeed without a complaint of the kernel's. */
  private Vm.Result runsWell(String script) throws IOException {
    Vm.Result result = Vm.of(image, directory).run(script).orThrow();
    assertThat(result.complaints()).isEmpty();
    return result;
  }

  private void isAsLargeAs(long size) {
    assertThat(Long.parseLong(header("Block count"))).isEqualTo(size / 4096);
    assertThat(Long.parseLong(header("Inode count"))).isGreaterThanOrEqualTo(size / 16_384);
    assertThat(header("Filesystem features")).contains("resize_inode").doesNotContain("meta_bg");
  }

  /** What dumpe2fs says of the image under {@code field}. */
  private String header(String field) {
    String said = Command.of("dumpe2fs", "-h", image).run().orThrow().output();
    Matcher line = Pattern.compile("(?m)^" + field + ": +(.*)$").matcher(said);
    assertThat(line.find()).as(field + " in " + said).isTrue();
    return line.group(1);
  }

  /** Script that fails unless every file of the tree is found by name and has its content. */
  private String checkTree() throws IOException {
    return Listing.of(tree).lines().entrySet().stream()
        .filter(entry -> entry.getValue().startsWith("f "))
        .map(entry -> lastWord(entry.getValue()) + "  /mnt/" + entry.getKey() + "\n")
        .collect(Collectors.joining("", "sha256sum --check --quiet <<END\n", "END\n"));
  }

  private static String lastWord(String line) {
    return line.substring(line.lastIndexOf(' ') + 1);
  }

  /** Script of EXT4_IOC_RESIZE_FS, fs/ext4/ext4.h of the kernel, which takes blocks. */
  private static String grow(long size) {
    return """
        perl -e 'open(my $root, "<", "/mnt") or die "open: $!";
          my $blocks = pack("Q", %d);
          ioctl($root, 0x40086610, $blocks) or die "EXT4_IOC_RESIZE_FS: $!"'
        """
        .formatted(size / 4096);
  }
}
