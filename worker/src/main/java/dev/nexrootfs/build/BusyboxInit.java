package dev.nexrootfs.build;

import java.io.IOException;

/**
 * The services of a guest whose init is busybox's and nothing else: lines of /etc/inittab, and the
 * scripts that they start. busybox may have all its commands in one program without links.
 */
final class BusyboxInit {
  /** Starts the agent as user nex. */
  static final String RUN_AGENT = "/usr/local/lib/nex-rootfs/run-agent";

  static final String MOUNTS = "/usr/local/lib/nex-rootfs/mounts";

  /** The kernel mounts /dev only where it mounts the root itself. */
  private static final String MOUNTS_TEXT =
      """
      #!/bin/busybox sh
      # Mounts what a guest needs and does not have yet.
      is_mounted() {
        while read -r _ place _; do
          [ "$place" = "$1" ] && return
        done </proc/mounts
        return 1
      }
      [ -e /proc/mounts ] || /bin/busybox mount -t proc proc /proc
      is_mounted /sys || /bin/busybox mount -t sysfs sysfs /sys
      is_mounted /dev || /bin/busybox mount -t devtmpfs devtmpfs /dev
      is_mounted /run || /bin/busybox mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /run
      is_mounted /dev/pts || {
        /bin/busybox mkdir -p /dev/pts && /bin/busybox mount -t devpts -o gid=5,mode=0620 devpts /dev/pts
      }
      /bin/busybox hostname -F /etc/hostname
      """;

  static final String STOP = "/usr/local/lib/nex-rootfs/stop";

  /** busybox's init unmounts before it ends what keeps the file systems busy. */
  private static final String STOP_TEXT =
      """
      #!/bin/busybox sh
      # Ends the processes of user nex, or all with "all", so that / can be made read-only.
      # A process without a command line is the kernel's.
      ends() {
        [ "$1" != 1 ] && [ "$1" != $$ ] || return
        read -r line 2>/dev/null <"/proc/$1/cmdline" || [ -n "$line" ] || return
        [ "$2" = all ] && return
        while read -r key id _; do
          [ "$key" = Uid: ] && [ "$id" = 1000 ] && return
        done 2>/dev/null <"/proc/$1/status"
        return 1
      }
      each() {
        found=1
        for process in /proc/[0-9]*; do
          line=
          ends "${process#/proc/}" "$2" && kill "$1" "${process#/proc/}" 2>/dev/null && found=0
        done
        return $found
      }
      each -TERM "$1" || exit 0
      for second in 1 2 3 4 5; do
        each -0 "$1" || exit 0
        /bin/busybox sleep 1
      done
      each -KILL "$1"
      /bin/busybox sleep 1
      """;

  private static final String RUN_AGENT_TEXT =
      """
      #!/bin/busybox sh
      # Runs the agent as user nex; init starts this again when the agent has ended.
      agent=/usr/local/bin/agent
      cd /home/nex || exit
      for log in nex.log err.log; do
        : >>"$log"
        /bin/busybox chown nex:nex "$log"
      done
      exec </dev/null >>nex.log 2>>err.log
      has() {
        case $(/bin/busybox "$1" --help 2>&1) in
        *"applet not found"*) return 1 ;;
        esac
      }
      # Not every busybox has each of them.
      has setuidgid && exec /bin/busybox setuidgid nex "$agent"
      has su && exec /bin/busybox su -s /bin/sh -c "exec $agent" nex
      has start-stop-daemon && exec /bin/busybox start-stop-daemon -S -c nex:nex -x "$agent"
      PATH=/usr/sbin:/usr/bin:/sbin:/bin
      export PATH
      command -v su >/dev/null && exec su -s /bin/sh -c "exec $agent" nex
      command -v setpriv >/dev/null && exec setpriv --reuid=nex --regid=nex --init-groups "$agent"
      echo "nex-rootfs: nothing here starts the agent as nex: no setuidgid, su or start-stop-daemon" >/dev/console
      exec /bin/busybox sleep 3600
      """;

  private final GuestOverlay overlay;
  private final Inittab inittab;

  BusyboxInit(GuestOverlay overlay) {
    this.overlay = overlay;
    inittab = new Inittab(overlay);
  }

  /** Adds what is missing. */
  void add(boolean bootScript) throws IOException {
    overlay.link("/bin/sh", "/bin/busybox");
    overlay.file(MOUNTS, 0755, MOUNTS_TEXT);
    overlay.file(RUN_AGENT, 0755, RUN_AGENT_TEXT);
    overlay.file(STOP, 0755, STOP_TEXT);
    boolean own = !inittab.exists();
    addOnce("sysinit", MOUNTS);
    if (own && overlay.has("/etc/init.d/rcS")) {
      addOnce("sysinit", "/etc/init.d/rcS");
    }
    if (bootScript) {
      addOnce("wait", BootScript.RUNNER);
    }
    addOnce("respawn", RUN_AGENT);
    if (!inittab.mentions("ttyS0")) {
      inittab.add("ttyS0::respawn:/bin/busybox getty -L 115200 ttyS0 vt100");
    }
    if (!inittab.hasAction("ctrlaltdel")) {
      inittab.add("::ctrlaltdel:/bin/busybox reboot");
    }
    if (inittab.mentions(STOP)) {
      return;
    }
    if (inittab.hasAction("shutdown")) {
      inittab.addFirst("::shutdown:" + STOP);
    } else {
      inittab.add("::shutdown:" + STOP + " all");
      inittab.add("::shutdown:/bin/busybox umount -a -r");
    }
  }

  /** A base may be an image that this was added to already. */
  private void addOnce(String action, String process) throws IOException {
    if (!inittab.mentions(process)) {
      inittab.add("::" + action + ":" + process);
    }
  }
}
