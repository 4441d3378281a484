package dev.nexrootfs.build;

import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.tree.Attributes;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.DeviceNode;
import dev.nexrootfs.tree.Directory;
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

/**
 * Lays over a base what Nex expects of its guests, and only what the base lacks: the agent and its
 * OpenRC service, mount points, user and group nex, name resolution by the kernel's {@code
 * /proc/net/pnp}, and a console on the serial port.
 */
final class NexGuest {
  /** Changes when the overlay of the same base and agent changes. */
  static final int VERSION = 2;

  private static final String AGENT = "/usr/local/bin/agent";
  private static final int NEX_ID = 1000;

  private static final String AGENT_SERVICE =
      """
      #!/sbin/openrc-run

      name="Nex agent"
      supervisor="supervise-daemon"
      command="/usr/local/bin/agent"
      command_user="nex:nex"
      pidfile="/run/agent.pid"
      output_log="/home/nex/nex.log"
      error_log="/home/nex/err.log"

      depend() {
      	after net.eth0
      }
      """;

  private static final String INITTAB =
      """
      ::sysinit:/sbin/openrc sysinit
      ::sysinit:/sbin/openrc boot
      ::wait:/sbin/openrc default
      ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100
      ::ctrlaltdel:/sbin/reboot
      ::shutdown:/sbin/openrc shutdown
      """;

  private static final String CONSOLE_LINE = "ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100\n";

  private final FileTree tree;
  private final Instant time;
  private final List<String> warnings;

  /**
   * The overlay for {@code tree}.
   *
   * @param time the time of everything that is added
   * @param warnings takes what the base lacks and we cannot give it
   */
  NexGuest(FileTree tree, Instant time, List<String> warnings) {
    this.tree = tree;
    this.time = time;
    this.warnings = warnings;
  }

  /** Adds everything but the agent. */
  void layOver() throws RequestException {
    try {
      tree.makeDirectories(TreePath.of(AGENT).parent(), time);
      addMountPoints();
      addUser();
      addServices();
      addConsole();
      link("/etc/resolv.conf", "/proc/net/pnp");
      warnOfMissing();
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /**
   * Adds the agent as a layer of its own, the last one, so that no other content moves where
   * another agent is larger. A file that the layer before brought in its place stays.
   */
  void addAgent(Content agent) throws RequestException {
    long before = tree.layerStarts().get(tree.layerStarts().size() - 1);
    tree.beginLayer();
    try {
      Optional<Node> present = tree.find(TreePath.of(AGENT));
      if (present.isEmpty() || present.get().sequence() < before) {
        put(AGENT, new RegularFile(attributes(0775, NEX_ID), tree.nextSequence(), agent));
      }
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private static RequestException failure(IOException e) {
    return new RequestException(
        ErrorCode.INVALID_IMAGE, "the base image cannot take the Nex guest: " + e.getMessage(), e);
  }

  private void addMountPoints() throws IOException {
    for (String path : List.of("/dev", "/proc", "/run", "/sys", "/var", "/etc", "/root", "/home")) {
      addDirectory(path, attributes(path.equals("/root") ? 0700 : 0755, 0));
    }
    addDirectory("/tmp", attributes(01777, 0));
    addDirectory("/home/nex", attributes(0755, NEX_ID));
    // The kernel opens /dev/console for init before anything can mount a devtmpfs.
    addDevice("/dev/console", 0600, 5, 1);
    addDevice("/dev/null", 0666, 1, 3);
  }

  private void addUser() throws IOException {
    addLine("/etc/passwd", 0644, "nex", "nex:x:1000:1000:Nex:/home/nex:/bin/false\n");
    addLine("/etc/group", 0644, "nex", "nex:x:1000:\n");
    addLine("/etc/shadow", 0640, "nex", "nex:!:19000:0:99999:7:::\n");
  }

  private void addServices() throws IOException {
    if (tree.find(TreePath.of("/etc/init.d/agent")).isEmpty()) {
      put(
          "/etc/init.d/agent",
          new RegularFile(attributes(0755, 0), tree.nextSequence(), ByteContent.of(AGENT_SERVICE)));
    }
    enable("agent", "boot");
    for (String service : List.of("devfs", "procfs", "sysfs")) {
      boolean enabledAlready =
          tree.find(TreePath.of("/etc/runlevels/sysinit/" + service)).isPresent();
      if (!enabledAlready && tree.find(TreePath.of("/etc/init.d/" + service)).isPresent()) {
        enable(service, "boot");
      }
    }
  }

  private void addConsole() throws IOException {
    boolean agetty =
        tree.find(TreePath.of("/etc/init.d/agetty")).isPresent()
            && tree.find(TreePath.of("/sbin/agetty")).isPresent();
    if (agetty) {
      if (tree.find(TreePath.of("/etc/init.d/agetty.ttyS0")).isEmpty()) {
        link("/etc/init.d/agetty.ttyS0", "/etc/init.d/agetty");
      }
      enable("agetty.ttyS0", "default");
    }
    Optional<Node> inittab = tree.find(TreePath.of("/etc/inittab"));
    if (inittab.isEmpty()) {
      put(
          "/etc/inittab",
          new RegularFile(attributes(0644, 0), tree.nextSequence(), ByteContent.of(INITTAB)));
    } else if (!agetty) {
      addLine("/etc/inittab", 0644, "ttyS0", CONSOLE_LINE);
    }
    if (tree.find(TreePath.of("/etc/securetty")).isPresent()) {
      addLine("/etc/securetty", 0644, "ttyS0", "ttyS0\n");
    }
  }

  private void warnOfMissing() throws IOException {
    if (tree.find(TreePath.of("/sbin/init")).isEmpty()) {
      warnings.add("the base has no /sbin/init: the guest will not start");
    }
    if (tree.find(TreePath.of("/sbin/openrc-run")).isEmpty()) {
      warnings.add("the base has no OpenRC (/sbin/openrc-run): the agent's service will not start");
    }
  }

  private void enable(String service, String runlevel) throws IOException {
    String path = "/etc/runlevels/" + runlevel + "/" + service;
    if (tree.find(TreePath.of(path)).isEmpty()) {
      link(path, "/etc/init.d/" + service);
    }
  }

  private void link(String path, String target) throws IOException {
    byte[] bytes = target.getBytes(StandardCharsets.US_ASCII);
    put(path, new SymbolicLink(attributes(0777, 0), tree.nextSequence(), bytes));
  }

  private void addDirectory(String path, Attributes attributes) throws IOException {
    TreePath at = TreePath.of(path);
    if (tree.find(at).isEmpty()) {
      put(path, new Directory(attributes, tree.nextSequence()));
    }
  }

  private void addDevice(String path, int permissions, int major, int minor) throws IOException {
    if (tree.find(TreePath.of(path)).isEmpty()) {
      put(
          path,
          new DeviceNode(
              attributes(permissions, 0),
              tree.nextSequence(),
              DeviceNode.Type.CHARACTER,
              major,
              minor));
    }
  }

  /**
   * Adds {@code line} to a text file, which is made where it is missing, unless a line starts with
   * {@code word}.
   */
  private void addLine(String path, int permissions, String word, String line) throws IOException {
    Optional<Node> present = tree.find(TreePath.of(path));
    Attributes attributes = attributes(permissions, 0);
    String text = "";
    if (present.isPresent()) {
      text = SmallText.read(path, present.get());
      attributes = present.get().attributes();
    }
    if (text.lines().anyMatch(existing -> existing.split(":", -1)[0].equals(word))) {
      return;
    }
    String separator = text.isEmpty() || text.endsWith("\n") ? "" : "\n";
    // One character for a byte, so that what is there stays as it is in any encoding.
    byte[] bytes = (text + separator + line).getBytes(StandardCharsets.ISO_8859_1);
    put(path, new RegularFile(attributes, tree.nextSequence(), new ByteContent(bytes)));
  }

  private void put(String path, Node node) throws IOException {
    TreePath at = TreePath.of(path);
    if (!(node instanceof Directory) && tree.find(at).orElse(null) instanceof Directory) {
      throw new IOException(path + " is a directory");
    }
    tree.put(tree.makeDirectories(at.parent(), time), at.last(), node);
  }

  private Attributes attributes(int permissions, int id) {
    return Attributes.of(permissions, id, id, time);
  }
}
