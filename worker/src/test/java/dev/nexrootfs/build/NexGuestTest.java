package dev.nexrootfs.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.oracle.Listing;
import dev.nexrootfs.protocol.Finding;
import dev.nexrootfs.protocol.RequestException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Test;

class NexGuestTest {
  @Test
  void alpineGetsTheServiceInItsBootRunlevel() throws Exception {
    GuestTrees base = GuestTrees.alpine();
    base.layOver("#!/bin/sh\ntrue\n", null, Elf.amd64());
    assertThat(base.target("/etc/runlevels/boot/agent")).isEqualTo("/etc/init.d/agent");
    assertThat(base.target("/etc/runlevels/boot/devfs")).isEqualTo("/etc/init.d/devfs");
    assertThat(base.has("/etc/runlevels/boot/hostname")).isTrue();
    assertThat(base.has("/etc/runlevels/boot/nex-boot-script")).isTrue();
    assertThat(base.text("/etc/init.d/agent"))
        .contains("supervise-daemon", "command_user=\"nex:nex\"", "/home/nex/nex.log");
    // What Alpine has scripts of its own for, in other images than this.
    assertThat(base.target("/etc/runlevels/shutdown/mount-ro")).isEqualTo("/etc/init.d/mount-ro");
    assertThat(base.text("/etc/inittab")).contains("ttyS0::respawn:");
    assertThat(base.text("/etc/securetty")).isEqualTo("tty1\nttyS0\n");
    assertThat(base.target("/etc/resolv.conf")).isEqualTo("/proc/net/pnp");
    assertThat(base.text("/etc/hosts")).contains("127.0.0.1\tlocalhost nex\n");
  }

  @Test
  void nothingOfTheBaseChangesButWhatTheGuestHasToEdit() throws Exception {
    GuestTrees base = GuestTrees.alpine().file("/opt/tool", 0750, "x").link("/opt/link", "nowhere");
    Map<String, String> before = Listing.of(base.tree).lines();
    base.layOver();
    Map<String, String> after = Listing.of(base.tree).lines();
    assertThat(before.keySet())
        .filteredOn(path -> !Objects.equals(before.get(path), after.get(path)))
        .containsExactlyInAnyOrder(
            "etc/inittab", "etc/securetty", "etc/passwd", "etc/group", "etc/shadow");
  }

  @Test
  void guestThatIsThereAlreadyIsLeftAsItIs() throws Exception {
    for (GuestTrees base :
        List.of(GuestTrees.alpine(), GuestTrees.systemd(), GuestTrees.busybox())) {
      base.layOver("#!/bin/sh\ntrue\n", "root", Elf.amd64());
      Map<String, String> once = Listing.of(base.tree).lines();
      base.layOver("#!/bin/sh\ntrue\n", "root", Elf.amd64());
      assertThat(Listing.of(base.tree).lines()).isEqualTo(once);
    }
  }

  @Test
  void systemdGetsUnitsAndAConsoleThatNeedsNoUdev() throws Exception {
    GuestTrees base = GuestTrees.systemd();
    NexGuest guest = base.layOver("#!/bin/sh\ntrue\n", null, Elf.amd64());
    assertThat(base.target(SystemdUnits.AGENT_LINK)).isEqualTo("/etc/systemd/system/agent.service");
    assertThat(base.text("/etc/systemd/system/agent.service"))
        .contains("User=nex", "ExecStart=/usr/local/bin/agent", "Restart=always");
    assertThat(base.target("/etc/systemd/system/serial-getty@ttyS0.service"))
        .isEqualTo("/dev/null");
    assertThat(base.text("/etc/systemd/system/nex-console.service"))
        .contains("ExecStart=-/sbin/agetty");
    assertThat(base.has("/etc/systemd/system/multi-user.target.wants/nex-boot-script.service"))
        .isTrue();
    assertThat(base.text("/etc/machine-id")).isEmpty();
    assertThat(base.has("/etc/init.d/agent")).isFalse();
    assertThat(guest.findings()).isEmpty();
  }

  @Test
  void machineIdOfTheBaseIsNoted() throws Exception {
    GuestTrees base = GuestTrees.systemd().file("/etc/machine-id", 0444, "0123456789abcdef\n");
    assertThat(base.layOver().findings()).extracting(Finding::check).containsExactly("MACHINE_ID");
  }

  @Test
  void busyboxAloneGetsLinesOfAnInittab() throws Exception {
    GuestTrees base = GuestTrees.busybox();
    base.layOver("true\nfalse\n", null, Elf.amd64());
    assertThat(base.text("/etc/inittab"))
        .isEqualTo(
            """
            ::sysinit:/usr/local/lib/nex-rootfs/mounts
            ::wait:/usr/local/lib/nex-rootfs/first-boot
            ::respawn:/usr/local/lib/nex-rootfs/run-agent
            ttyS0::respawn:/bin/busybox getty -L 115200 ttyS0 vt100
            ::ctrlaltdel:/bin/busybox reboot
            ::shutdown:/usr/local/lib/nex-rootfs/stop all
            ::shutdown:/bin/busybox umount -a -r
            """);
    assertThat(base.target("/bin/sh")).isEqualTo("/bin/busybox");
    assertThat(base.text(BootScript.PATH)).isEqualTo("#!/bin/sh\ntrue\nfalse\n");
  }

  @Test
  void inittabOfTheBaseKeepsItsLinesAndItsEnd() throws Exception {
    String lines = "::sysinit:/etc/rc\n# ttyS0\nttyS0::respawn:-/bin/sh\n::shutdown:/etc/rc.stop";
    GuestTrees base =
        GuestTrees.busybox().program("/etc/rc.stop").file("/etc/inittab", 0600, lines);
    base.layOver();
    assertThat(base.text("/etc/inittab"))
        .isEqualTo(
            "::shutdown:/usr/local/lib/nex-rootfs/stop\n"
                + lines
                + "\n::sysinit:/usr/local/lib/nex-rootfs/mounts\n"
                + "::respawn:/usr/local/lib/nex-rootfs/run-agent\n"
                + "::ctrlaltdel:/bin/busybox reboot\n");
  }

  @Test
  void inittabOfAlpineWithoutOpenRcIsBusyboxs() throws Exception {
    GuestTrees base =
        GuestTrees.busybox()
            .file(
                "/etc/inittab",
                0644,
                "::wait:/sbin/openrc default\n::shutdown:/sbin/openrc shutdown\n");
    base.layOver();
    assertThat(InitSystem.of(base.tree)).isEqualTo(InitSystem.BUSYBOX);
    assertThat(base.text("/etc/inittab"))
        .contains("::respawn:/usr/local/lib/nex-rootfs/run-agent\n")
        .endsWith(
            "::shutdown:/usr/local/lib/nex-rootfs/stop all\n::shutdown:/bin/busybox umount -a -r\n");
  }

  @Test
  void baseWithoutItsInitsLinkGetsIt() throws Exception {
    GuestTrees base = new GuestTrees().program("/bin/busybox");
    base.layOver();
    assertThat(base.target("/sbin/init")).isEqualTo("/bin/busybox");
    assertThat(InitSystem.of(base.tree)).isEqualTo(InitSystem.BUSYBOX);
  }

  @Test
  void openRcWithoutScriptsToMountGetsThem() throws Exception {
    GuestTrees base =
        new GuestTrees()
            .program("/sbin/openrc-run")
            .program("/sbin/openrc-init")
            .program("/sbin/supervise-daemon")
            .program("/lib/x86_64-linux-gnu/security/pam_permit.so");
    base.layOver();
    assertThat(base.target("/sbin/init")).isEqualTo("/sbin/openrc-init");
    for (String service : Set.of("sysinit/procfs", "sysinit/sysfs", "sysinit/devfs")) {
      assertThat(base.has("/etc/runlevels/" + service)).as(service).isTrue();
    }
    assertThat(base.text("/etc/init.d/procfs")).contains("mount -n -t proc ");
    assertThat(base.text("/etc/pam.d/supervise-daemon")).contains("account  required   pam_permit");
    assertThat(base.has("/etc/inittab")).isFalse();
  }

  @Test
  void rootIsLockedUnlessSomebodyGaveItAPassword() throws Exception {
    GuestTrees open = GuestTrees.alpine().file("/etc/shadow", 0640, "root:::0:::::\n");
    assertThat(open.layOver().findings()).extracting(Finding::check).contains("ROOT_PASSWORD");
    assertThat(open.text("/etc/shadow")).startsWith("root:*::0:::::\nnex:!:");

    GuestTrees old = GuestTrees.alpine().file("/etc/passwd", 0644, "root::0:0::/:/bin/sh\n");
    old.layOver();
    assertThat(old.text("/etc/passwd")).startsWith("root:x:0:0::/:/bin/sh\nnex:x:1000:1000:");
    assertThat(old.text("/etc/shadow")).startsWith("root:*:");

    GuestTrees own = GuestTrees.alpine().file("/etc/shadow", 0640, "root:$6$s$h:1::::::\n");
    own.layOver();
    assertThat(own.text("/etc/shadow")).startsWith("root:$6$s$h:1::::::\n");

    GuestTrees asked = GuestTrees.alpine();
    asked.layOver(null, "root", Elf.amd64());
    assertThat(asked.text("/etc/shadow")).startsWith("root:$6$nexrootfs$").contains("\nbin:!::0:");

    GuestTrees none = GuestTrees.busybox();
    none.layOver(null, "$6$salt$0123456789", Elf.amd64());
    assertThat(none.text("/etc/passwd")).startsWith("root:x:0:0:root:/root:/bin/sh\nnex:x:1000:");
    assertThat(none.text("/etc/shadow")).contains("root:$6$salt$0123456789:19000:");
  }

  @Test
  void idThatIsTakenIsNoted() throws Exception {
    GuestTrees base = GuestTrees.alpine().file("/etc/group", 0644, "root:x:0:\nubuntu:x:1000:\n");
    assertThat(base.layOver().findings())
        .extracting(Finding::check, Finding::path)
        .containsExactly(org.assertj.core.groups.Tuple.tuple("NEX_ID", "/etc/group"));
  }

  @Test
  void linksOfTheBaseLeadInsideTheTree() throws Exception {
    GuestTrees base =
        GuestTrees.alpine()
            .link("/etc/hosts", "/../../run/hosts")
            .file("/run/hosts", 0600, "127.0.0.1 own\n")
            .link("/etc/hostname", "loop")
            .link("/etc/loop", "hostname");
    assertThatThrownBy(base::layOver)
        .isInstanceOf(RequestException.class)
        .hasMessageContaining("/etc/hostname")
        .hasMessageContaining("loop");
    base.file("/etc/hostname", 0644, "host\n");
    base.layOver();
    assertThat(base.text("/etc/hosts")).isEqualTo("127.0.0.1 own\n");
    assertThat(base.target("/etc/hosts")).isEqualTo("/../../run/hosts");
  }
}
