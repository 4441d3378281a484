package dev.nexrootfs.build;

import dev.nexrootfs.tree.Node;
import dev.nexrootfs.tree.TreePath;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * The services of a guest with OpenRC. A service is enabled by a link in a runlevel, which is all
 * that {@code rc-update add} makes. Debian's OpenRC leaves the scripts that mount and unmount to
 * the package initscripts, which a base may not have.
 */
final class OpenRcServices {
  private static final String SERVICES = "/etc/init.d/";
  private static final String RUNLEVELS = "/etc/runlevels/";

  private static final String AGENT =
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
      	after devfs procfs sysfs hostname nex-boot-script net.eth0
      }
      """;

  private static final String BOOT_SCRIPT =
      """
      #!/sbin/openrc-run

      description="Runs the boot script of this image once"

      depend() {
      	after devfs procfs sysfs hostname net.eth0
      	before agent
      	keyword -timeout
      }

      start() {
      	ebegin "Running the boot script"
      	/usr/local/lib/nex-rootfs/first-boot
      	eend $?
      }
      """;

  /** A script that mounts a file system where it is not mounted yet. */
  private static final String MOUNT =
      """
      #!/sbin/openrc-run

      description="Mounts %1$s on %2$s"

      depend() {
      	keyword -prefix -timeout
      }

      start() {
      	mountinfo -q %2$s && return 0
      	ebegin "Mounting %2$s"
      	mount -n -t %1$s -o %3$s %1$s %2$s
      	eend $?
      }
      """;

  private static final String KILLPROCS =
      """
      #!/sbin/openrc-run

      description="Ends what still runs"

      depend() {
      	keyword -prefix
      }

      start() {
      	ebegin "Ending the remaining processes"
      	kill_all 15
      	kill_all 9
      	eend 0
      }
      """;

  private static final String MOUNT_RO =
      """
      #!/sbin/openrc-run

      description="Makes the root file system read-only, so that it is left clean"

      depend() {
      	after killprocs savecache
      	keyword -prefix
      }

      start() {
      	sync
      	ebegin "Remounting / read-only"
      	mount -n -o remount,ro /
      	eend $?
      }
      """;

  private static final String INITTAB =
      """
      ::sysinit:/sbin/openrc sysinit
      ::sysinit:/sbin/openrc boot
      ::wait:/sbin/openrc default
      %s
      ::ctrlaltdel:/sbin/reboot
      ::shutdown:/sbin/openrc shutdown
      """;

  private static final String GETTY_LINE = "ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100";

  /** What supervise-daemon of a system with PAM asks before it becomes another user. */
  private static final String PAM =
      """
      # The service of the Nex agent becomes user nex, who has no password.
      account  required   pam_permit.so
      session  required   pam_permit.so
      """;

  private final GuestOverlay overlay;
  private final Inittab inittab;

  OpenRcServices(GuestOverlay overlay) {
    this.overlay = overlay;
    inittab = new Inittab(overlay);
  }

  /** Adds what is missing. */
  void add(boolean bootScript) throws IOException {
    overlay.file(SERVICES + "agent", 0755, AGENT);
    enable("agent", "boot");
    if (bootScript) {
      overlay.file(SERVICES + "nex-boot-script", 0755, BOOT_SCRIPT);
      enable("nex-boot-script", "boot");
    }
    addMounts();
    addShutdown();
    if (overlay.has(SERVICES + "hostname") && !isEnabled("hostname")) {
      enable("hostname", "boot");
    }
    if (Pam.permits(overlay.tree())) {
      overlay.file("/etc/pam.d/supervise-daemon", 0644, PAM);
    }
    addConsole();
  }

  private void addMounts() throws IOException {
    boolean initscripts = overlay.has(SERVICES + "mountkernfs.sh");
    addMount(initscripts, "procfs", "proc", "/proc", "nosuid,nodev,noexec");
    addMount(initscripts, "sysfs", "sysfs", "/sys", "nosuid,nodev,noexec");
    addMount(initscripts, "devfs", "devtmpfs", "/dev", "nosuid,mode=0755");
  }

  private void addMount(boolean initscripts, String service, String type, String at, String options)
      throws IOException {
    if (overlay.has(SERVICES + service)) {
      if (!isEnabled(service)) {
        enable(service, "boot");
      }
    } else if (!initscripts) {
      overlay.file(SERVICES + service, 0755, MOUNT.formatted(type, at, options));
      enable(service, "sysinit");
    }
  }

  private void addShutdown() throws IOException {
    if (overlay.has(SERVICES + "umountroot")) {
      return;
    }
    if (!isEnabled("killprocs")) {
      overlay.file(SERVICES + "killprocs", 0755, KILLPROCS);
      enable("killprocs", "shutdown");
    }
    if (!isEnabled("mount-ro")) {
      overlay.file(SERVICES + "mount-ro", 0755, MOUNT_RO);
      enable("mount-ro", "shutdown");
    }
  }

  private void addConsole() throws IOException {
    boolean console = inittab.mentions("ttyS0") || isEnabled("agetty.ttyS0");
    if (!console && overlay.has(SERVICES + "agetty") && overlay.has("/sbin/agetty")) {
      overlay.link(SERVICES + "agetty.ttyS0", SERVICES + "agetty");
      enable("agetty.ttyS0", "default");
      console = true;
    }
    boolean needsInittab = !sameFile(InitSystem.OPENRC_INIT);
    if (needsInittab && !inittab.exists()) {
      overlay.file(
          Inittab.PATH, 0644, INITTAB.formatted(console ? "" : GETTY_LINE).replace("\n\n", "\n"));
    } else if (needsInittab && !console) {
      inittab.add(GETTY_LINE);
    } else if (!console) {
      overlay.note(
          "NO_CONSOLE", "/sbin/agetty", "the base has no getty: nobody can log in on ttyS0");
    }
  }

  private boolean sameFile(String program) throws IOException {
    Optional<Node> init = InitSystem.program(overlay.tree(), InitSystem.KERNEL_ORDER);
    Optional<Node> other = InitSystem.program(overlay.tree(), List.of(program));
    return init.isPresent() && other.isPresent() && init.get() == other.get();
  }

  private boolean isEnabled(String service) throws IOException {
    for (String runlevel : List.of("sysinit", "boot", "default", "shutdown")) {
      if (overlay.tree().find(TreePath.of(RUNLEVELS + runlevel + "/" + service)).isPresent()) {
        return true;
      }
    }
    return false;
  }

  private void enable(String service, String runlevel) throws IOException {
    overlay.link(RUNLEVELS + runlevel + "/" + service, SERVICES + service);
  }
}
