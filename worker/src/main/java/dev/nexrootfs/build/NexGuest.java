package dev.nexrootfs.build;

import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Finding;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.tree.Content;
import dev.nexrootfs.tree.FileTree;
import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Lays over a base what Nex expects of its guests, and only what the base lacks: the agent and its
 * service, mount points, user and group nex, name resolution by the kernel's {@code /proc/net/pnp},
 * and a console on the serial port.
 */
final class NexGuest {
  /** Changes when the overlay of the same base and agent changes. */
  static final int VERSION = 3;

  static final String AGENT = "/usr/local/bin/agent";

  private static final int NEX_ID = GuestAccounts.NEX_ID;

  private final GuestOverlay overlay;
  private final BuildRequest request;
  private final Optional<BootScript> bootScript;

  /**
   * The overlay for {@code tree}.
   *
   * @param time the time of everything that is added
   */
  NexGuest(FileTree tree, Instant time, BuildRequest request, Optional<BootScript> bootScript) {
    overlay = new GuestOverlay(tree, time);
    this.request = request;
    this.bootScript = bootScript;
  }

  /** What somebody should know of the base; whether all is there {@link BootLint} says. */
  List<Finding> findings() {
    return overlay.findings();
  }

  /** Adds everything but the agent. */
  void layOver() throws RequestException {
    try {
      addMountPoints();
      addNames();
      new GuestAccounts(overlay).add(request.rootPassword());
      if (bootScript.isPresent()) {
        bootScript.get().addTo(overlay);
      }
      addServices(initSystem());
    } catch (IOException e) {
      throw failure(e);
    }
  }

  /**
   * Adds the agent as a layer of its own, the last one, so that no other content moves where
   * another agent is larger. A file that the layer before brought in its place stays.
   */
  void addAgent(Content agent) throws RequestException {
    FileTree tree = overlay.tree();
    long before = tree.layerStarts().get(tree.layerStarts().size() - 1);
    tree.beginLayer();
    try {
      Optional<Node> present = tree.find(TreePath.of(AGENT));
      if (present.isEmpty() || present.get().sequence() < before) {
        overlay.replace(AGENT, 0775, NEX_ID, agent);
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
    for (String path : List.of("/dev", "/proc", "/run", "/sys", "/var", "/etc", "/home")) {
      overlay.directory(path, 0755, 0);
    }
    overlay.directory("/root", 0700, 0);
    overlay.directory("/tmp", 01777, 0);
    overlay.directory("/home/nex", 0755, NEX_ID);
    overlay.directory("/usr", 0755, 0);
    overlay.directory("/usr/local", 0755, 0);
    overlay.directory("/usr/local/bin", 0755, 0);
    // The kernel opens /dev/console for init before anything can mount a devtmpfs.
    overlay.device("/dev/console", 0600, 5, 1);
    overlay.device("/dev/null", 0666, 1, 3);
  }

  /** Containers get these files from their engine, so that images have none or empty ones. */
  private void addNames() throws IOException {
    if (overlay.text("/etc/hostname").isBlank()) {
      overlay.edit("/etc/hostname", 0644, "nex\n");
    }
    if (overlay.text("/etc/hosts").isBlank()) {
      String name = overlay.text("/etc/hostname").strip();
      overlay.edit(
          "/etc/hosts",
          0644,
          "127.0.0.1\tlocalhost " + name + "\n::1\tlocalhost ip6-localhost ip6-loopback\n");
    }
    overlay.replaceByLink("/etc/resolv.conf", "/proc/net/pnp");
  }

  /**
   * The base's init. A base that has one without its link gets the link; one whose link leads
   * nowhere may get what is missing by "files", or is told of it.
   */
  private InitSystem initSystem() throws IOException {
    InitSystem init = InitSystem.of(overlay.tree());
    if (init == InitSystem.NONE) {
      Optional<String> program = InitSystem.substitute(overlay.tree());
      if (program.isPresent()) {
        overlay.link("/sbin/init", program.get());
        return InitSystem.of(overlay.tree());
      }
    }
    return init;
  }

  private void addServices(InitSystem init) throws IOException {
    switch (init) {
      // A base without any may get one by "files"; OpenRC's is what Nex knows.
      case OPENRC, NONE, OTHER -> new OpenRcServices(overlay).add(bootScript.isPresent());
      case SYSTEMD -> new SystemdUnits(overlay).add(bootScript.isPresent());
      case BUSYBOX -> new BusyboxInit(overlay).add(bootScript.isPresent());
    }
    boolean listed =
        overlay.text("/etc/securetty").lines().anyMatch(line -> line.strip().equals("ttyS0"));
    if (overlay.has("/etc/securetty") && !listed) {
      overlay.append("/etc/securetty", 0600, "ttyS0\n");
    }
  }
}
