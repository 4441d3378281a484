package dev.nexrootfs.build;

import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.Guest;
import dev.nexrootfs.protocol.Lint;
import dev.nexrootfs.protocol.Network;
import dev.nexrootfs.protocol.ReplyMode;
import dev.nexrootfs.protocol.Size;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.RegularFile;
import dev.nexrootfs.tree.SymbolicLink;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Bases of a few files, and the guest laid over them. */
final class GuestTrees {
  static final Instant TIME = Instant.ofEpochSecond(1_700_000_000);

  final FileTree tree = new FileTree(TIME);

  GuestTrees() {
    tree.beginLayer();
  }

  /** busybox, by hard names and its own init. */
  static GuestTrees busybox() throws IOException {
    return new GuestTrees().program("/bin/busybox").link("/sbin/init", "/bin/busybox");
  }

  /** As Alpine: busybox's init starts OpenRC. */
  static GuestTrees alpine() throws IOException {
    return busybox()
        .link("/bin/sh", "/bin/busybox")
        .program("/sbin/openrc-run")
        .program("/sbin/openrc")
        .program("/sbin/supervise-daemon")
        .file("/etc/inittab", 0644, "::sysinit:/sbin/openrc sysinit\n::wait:/sbin/openrc default\n")
        .file("/etc/init.d/devfs", 0755, "#!/sbin/openrc-run\n")
        .file("/etc/init.d/hostname", 0755, "#!/sbin/openrc-run\n")
        .file("/etc/securetty", 0600, "tty1\n")
        .file("/etc/passwd", 0644, "root:x:0:0:root:/root:/bin/ash\n")
        .file("/etc/group", 0644, "root:x:0:root\n")
        .file("/etc/shadow", 0640, "root:*::0:::::\nbin:!::0:::::\n");
  }

  /** As Debian's containers with systemd: merged /usr, no udev. */
  static GuestTrees systemd() throws IOException {
    return new GuestTrees()
        .program("/usr/lib/systemd/systemd")
        .program("/usr/sbin/agetty")
        .program("/usr/bin/dash")
        .link("/usr/bin/sh", "dash")
        .link("/bin", "usr/bin")
        .link("/sbin", "usr/sbin")
        .link("/lib", "usr/lib")
        .link("/usr/sbin/init", "../lib/systemd/systemd");
  }

  GuestTrees program(String path) throws IOException {
    return put(
        path,
        new RegularFile(
            Attributes.of(0755, 0, 0, TIME), tree.nextSequence(), new ByteContent(Elf.amd64())));
  }

  GuestTrees file(String path, int mode, String text) throws IOException {
    return put(
        path,
        new RegularFile(
            Attributes.of(mode, 0, 0, TIME), tree.nextSequence(), ByteContent.of(text)));
  }

  GuestTrees link(String path, String target) throws IOException {
    byte[] bytes = target.getBytes(StandardCharsets.US_ASCII);
    return put(path, new SymbolicLink(Attributes.of(0777, 0, 0, TIME), tree.nextSequence(), bytes));
  }

  private GuestTrees put(String path, Node node) throws IOException {
    TreePath at = TreePath.of(path);
    tree.put(tree.makeDirectories(at.parent(), TIME), at.last(), node);
    return this;
  }

  /** Lays the guest over. */
  NexGuest layOver(@Nullable String bootScript, @Nullable String rootPassword, byte[] agent)
      throws Exception {
    BuildRequest request =
        new BuildRequest(
            "base",
            "agent",
            null,
            Network.NONE,
            Size.DEFAULT,
            "linux/amd64",
            Guest.NEX,
            List.of(),
            "rootfs",
            "latest",
            "default",
            ReplyMode.FINAL,
            null,
            List.of("ext4"),
            bootScript,
            rootPassword,
            Lint.WARN);
    Optional<BootScript> script =
        bootScript == null
            ? Optional.empty()
            : Optional.of(BootScript.inline(bootScript.getBytes(StandardCharsets.UTF_8)));
    NexGuest guest = new NexGuest(tree, TIME, request, script);
    tree.beginLayer();
    guest.layOver();
    tree.beginLayer();
    guest.addAgent(new ByteContent(agent));
    return guest;
  }

  NexGuest layOver() throws Exception {
    return layOver(null, null, Elf.amd64());
  }

  String text(String path) throws IOException {
    return SmallText.read(path, tree.resolve(TreePath.of(path)).orElseThrow());
  }

  String target(String path) throws IOException {
    SymbolicLink link = (SymbolicLink) tree.find(TreePath.of(path)).orElseThrow();
    return new String(link.target(), StandardCharsets.US_ASCII);
  }

  boolean has(String path) throws IOException {
    return tree.find(TreePath.of(path)).isPresent();
  }
}
