package dev.nexrootfs.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.oracle.Elf;
import dev.nexrootfs.protocol.Finding;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.TreePath;
import java.util.List;
import org.junit.jupiter.api.Test;

class BootLintTest {
  @Test
  void guestsOverWholeBasesHaveNoFault() throws Exception {
    for (GuestTrees base :
        List.of(GuestTrees.alpine(), GuestTrees.systemd(), GuestTrees.busybox())) {
      base.layOver("#!/bin/sh\ntrue\n", null, Elf.amd64());
      assertThat(BootLint.of(base.tree, Platform.parse("linux/amd64"))).isEmpty();
    }
  }

  @Test
  void baseWithoutInitIsNamed() throws Exception {
    GuestTrees base = new GuestTrees().file("/etc/os-release", 0644, "");
    finds(base, "INIT_MISSING", "/sbin/init");
  }

  @Test
  void initThatIsADanglingLinkIsNamed() throws Exception {
    finds(GuestTrees.alpine().link("/sbin/init", "/lib/nothing"), "INIT_MISSING", "/sbin/init");
  }

  @Test
  void initOfAnotherKindIsNamed() throws Exception {
    finds(new GuestTrees().program("/sbin/init"), "INIT_UNKNOWN", "/sbin/init");
  }

  @Test
  void initThatNobodyMayRunIsNamed() throws Exception {
    GuestTrees base = GuestTrees.alpine().file("/sbin/init", 0644, "#!/bin/sh\n");
    finds(base, "INIT_NOT_EXECUTABLE", "/sbin/init");
  }

  @Test
  void programsOfAnotherMachineAreNamed() throws Exception {
    GuestTrees base = GuestTrees.alpine();
    base.layOver();
    assertThat(BootLint.of(base.tree, Platform.parse("linux/arm64")))
        .extracting(Finding::check)
        .contains("INIT_MACHINE", "AGENT_MACHINE");
  }

  @Test
  void loaderOfADynamicAgentHasToBeInTheTree() throws Exception {
    byte[] agent = Elf.dynamic("/lib/ld-musl-x86_64.so.1");
    GuestTrees without = GuestTrees.alpine();
    without.layOver(null, null, agent);
    assertThat(BootLint.of(without.tree, Platform.parse("linux/amd64")))
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.check()).isEqualTo("AGENT_LOADER_MISSING");
              assertThat(finding.message()).contains("/lib/ld-musl-x86_64.so.1");
            });
    GuestTrees with = GuestTrees.alpine().program("/lib/ld-musl-x86_64.so.1");
    with.layOver(null, null, agent);
    assertThat(BootLint.of(with.tree, Platform.parse("linux/amd64"))).isEmpty();
  }

  @Test
  void interpreterOfTheBootScriptHasToBeThere() throws Exception {
    GuestTrees base = GuestTrees.alpine();
    base.layOver("#!/usr/bin/python3 -u\n", null, Elf.amd64());
    assertThat(BootLint.of(base.tree, Platform.parse("linux/amd64")))
        .extracting(Finding::check, Finding::path)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("SCRIPT_INTERPRETER_MISSING", BootScript.PATH));
  }

  @Test
  void serviceThatIsNoScriptOrLeadsNowhereIsNamed() throws Exception {
    GuestTrees base =
        GuestTrees.alpine()
            .link("/etc/runlevels/boot/gone", "/etc/init.d/gone")
            .file("/etc/init.d/odd", 0755, "echo no interpreter\n")
            .link("/etc/runlevels/default/odd", "/etc/init.d/odd");
    finds(base, "SERVICE_MISSING", "/etc/runlevels/boot/gone");
    finds(base, "SERVICE_NO_PROGRAM", "/etc/runlevels/default/odd");
  }

  @Test
  void superviseDaemonAndItsPamRulesHaveToWork() throws Exception {
    GuestTrees base = GuestTrees.alpine().program("/lib/x86_64-linux-gnu/libpam.so.0");
    finds(base, "SUPERVISOR_PAM", "/sbin/supervise-daemon");
    GuestTrees old = GuestTrees.alpine();
    old.tree.remove(
        old.tree.findDirectory(TreePath.of("/sbin")).orElseThrow(),
        dev.nexrootfs.tree.Name.of("supervise-daemon"));
    finds(old, "SUPERVISOR_MISSING", "/sbin/supervise-daemon");
  }

  @Test
  void agentThatNothingStartsAnyMoreIsNamed() throws Exception {
    GuestTrees base = GuestTrees.busybox();
    base.layOver();
    base.file("/etc/inittab", 0644, "::respawn:/bin/sh\n");
    assertThat(BootLint.of(base.tree, Platform.parse("linux/amd64")))
        .extracting(Finding::check)
        .containsExactly("AGENT_NOT_ENABLED");
  }

  @Test
  void interpretersInACircleAndHostileHeadersComeToAnEnd() throws Exception {
    GuestTrees base =
        GuestTrees.alpine()
            .file("/bin/a", 0755, "#!/bin/b\n")
            .file("/bin/b", 0755, "#!/bin/a\n")
            .link("/etc/runlevels/boot/a", "/bin/a");
    finds(base, "SERVICE_INTERPRETER_LOOP", "/etc/runlevels/boot/a");
    GuestTrees odd =
        GuestTrees.alpine()
            .link("/bin/loop", "loop")
            .link("/etc/runlevels/boot/loop", "/bin/loop")
            .file("/bin/up", 0755, "#!/bin/../" + "x".repeat(300) + "\n")
            .link("/etc/runlevels/boot/up", "/bin/up");
    finds(odd, "SERVICE_MISSING", "/etc/runlevels/boot/loop");
    finds(odd, "SERVICE_INTERPRETER_MISSING", "/etc/runlevels/boot/up");
    byte[] elf = Elf.dynamic("/lib/ld.so");
    for (int i = 4; i < 200; i++) {
      byte[] broken = elf.clone();
      broken[i] = (byte) 0xFF;
      assertThat(ElfProgram.read(new ByteContent(broken))).isPresent();
    }
  }

  private static void finds(GuestTrees base, String check, String path) throws Exception {
    base.layOver();
    assertThat(BootLint.of(base.tree, Platform.parse("linux/amd64")))
        .extracting(Finding::check, Finding::path)
        .contains(org.assertj.core.groups.Tuple.tuple(check, path));
  }
}
