package dev.nexrootfs.build;

import java.io.IOException;
import java.util.Optional;

/** The units of a guest whose init is systemd: the agent, the boot script, a console. */
final class SystemdUnits {
  /** What starts the agent's unit. */
  static final String AGENT_LINK = "/etc/systemd/system/multi-user.target.wants/agent.service";

  private static final String UNITS = "/etc/systemd/system/";
  private static final String WANTS = UNITS + "multi-user.target.wants/";

  private static final String AGENT =
      """
      [Unit]
      Description=Nex agent
      After=network.target nex-boot-script.service
      StartLimitIntervalSec=0

      [Service]
      ExecStart=/usr/local/bin/agent
      User=nex
      Group=nex
      Restart=always
      RestartSec=1
      StandardOutput=append:/home/nex/nex.log
      StandardError=append:/home/nex/err.log

      [Install]
      WantedBy=multi-user.target
      """;

  private static final String BOOT_SCRIPT =
      """
      [Unit]
      Description=Boot script of this image
      After=network.target
      Before=agent.service
      ConditionPathExists=!%s

      [Service]
      Type=oneshot
      RemainAfterExit=yes
      ExecStart=%s
      TimeoutStartSec=infinity

      [Install]
      WantedBy=multi-user.target
      """
          .formatted(BootScript.DONE, BootScript.RUNNER);

  private static final String CONSOLE =
      """
      [Unit]
      Description=Console on ttyS0
      After=systemd-user-sessions.service

      [Service]
      Type=idle
      ExecStart=-%s -L 115200 ttyS0 vt100
      UtmpIdentifier=ttyS0
      TTYPath=/dev/ttyS0
      TTYReset=yes
      TTYVHangup=yes
      StandardInput=tty
      StandardOutput=tty
      Restart=always
      RestartSec=1

      [Install]
      WantedBy=multi-user.target
      """;

  private final GuestOverlay overlay;

  SystemdUnits(GuestOverlay overlay) {
    this.overlay = overlay;
  }

  /** Adds what is missing. */
  void add(boolean bootScript) throws IOException {
    enable("agent.service", AGENT);
    if (bootScript) {
      enable("nex-boot-script.service", BOOT_SCRIPT);
    }
    // An empty one gets an id at the first boot. Without any, systemd would also enable and disable
    // units as the distribution's presets say.
    overlay.file("/etc/machine-id", 0444, "");
    if (!overlay.text("/etc/machine-id").isBlank()) {
      overlay.note(
          "MACHINE_ID",
          "/etc/machine-id",
          "the base has an id, so every guest of this image has the same; empty the file");
    }
    addConsole();
  }

  /** The console that systemd makes by itself waits for udev to tell of its device. */
  private void addConsole() throws IOException {
    if (overlay.first("/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd").isPresent()) {
      return;
    }
    overlay.link(UNITS + "serial-getty@ttyS0.service", "/dev/null");
    Optional<String> getty = overlay.first("/sbin/agetty", "/usr/sbin/agetty", "/sbin/getty");
    if (getty.isPresent()) {
      enable("nex-console.service", CONSOLE.formatted(getty.get()));
    } else {
      overlay.note(
          "NO_CONSOLE", "/sbin/agetty", "the base has no getty: nobody can log in on ttyS0");
    }
  }

  private void enable(String unit, String text) throws IOException {
    if (overlay.first("/usr/lib/systemd/system/" + unit, "/lib/systemd/system/" + unit).isEmpty()) {
      overlay.file(UNITS + unit, 0644, text);
      overlay.link(WANTS + unit, UNITS + unit);
    } else {
      overlay.link(WANTS + unit, "/usr/lib/systemd/system/" + unit);
    }
  }
}
