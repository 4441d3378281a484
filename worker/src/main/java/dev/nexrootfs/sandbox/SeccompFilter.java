package dev.nexrootfs.sandbox;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Optional;

/**
 * A program for the kernel's packet filter that refuses system calls no setup script needs
 * (seccomp(2)): namespaces and mounts, modules, keys, tracing, clocks, and memory that no limit
 * counts. What it refuses with ENOSYS, programs do without.
 */
final class SeccompFilter {
  // linux/audit.h: what the kernel calls the architecture of a system call.
  private static final int AUDIT_X86_64 = 0xC000_003E;
  private static final int AUDIT_AARCH64 = 0xC000_00B7;

  // linux/bpf_common.h
  private static final int LOAD_WORD = 0x20;
  private static final int JUMP_EQUAL = 0x15;
  private static final int JUMP_AT_LEAST = 0x35;
  private static final int JUMP_BITS = 0x45;
  private static final int RETURN = 0x06;

  // linux/seccomp.h
  private static final int KILL = 0x8000_0000;
  private static final int ERRNO = 0x0005_0000;
  private static final int ALLOW = 0x7FFF_0000;

  private static final int EPERM = 1;
  private static final int ENOSYS = 38;
  private static final int EAFNOSUPPORT = 97;

  // struct seccomp_data
  private static final int NUMBER = 0;
  private static final int ARCHITECTURE = 4;
  private static final int FIRST_ARGUMENT = 16;

  /** Every CLONE_NEW… of linux/sched.h. */
  private static final int NEW_NAMESPACES = 0x7E02_0000;

  /** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK; others, like AF_VSOCK, know no network namespace. */
  private static final int[] FAMILIES = {1, 2, 10, 16};

  /** mount to open_tree_attr, bpf, perf, kexec, modules, keys, tracing, reboot, swap, clocks, … */
  private static final int[] X86_64_EPERM = {
    165, 166, 155, 272, 308, 428, 429, 430, 431, 432, 433, 442, 467, 321, 298, 246, 320, 175, 313,
    176, 250, 248, 249, 101, 310, 311, 169, 167, 168, 163, 103, 164, 227, 305, 159, 179, 443, 304,
    172, 173
  };

  private static final int[] AARCH64_EPERM = {
    40, 39, 41, 97, 268, 428, 429, 430, 431, 432, 433, 442, 467, 280, 241, 104, 294, 105, 273, 106,
    219, 217, 218, 117, 270, 271, 142, 224, 225, 89, 116, 170, 112, 266, 171, 60, 443, 265
  };

  /** clone3, io_uring, userfaultfd; memfd_create, memfd_secret, shmget. */
  private static final int[] X86_64_ENOSYS = {435, 425, 426, 427, 323, 319, 447, 29};

  private static final int[] AARCH64_ENOSYS = {435, 425, 426, 427, 282, 279, 447, 194};

  private static final Map<String, byte[]> PROGRAMS =
      Map.of(
          "amd64",
          program(AUDIT_X86_64, X86_64_EPERM, X86_64_ENOSYS, 56, 41),
          "aarch64",
          program(AUDIT_AARCH64, AARCH64_EPERM, AARCH64_ENOSYS, 220, 198));

  private SeccompFilter() {}

  /** The program for {@code architecture}, named as Java names it; empty where none is known. */
  static Optional<byte[]> of(String architecture) {
    return Optional.ofNullable(PROGRAMS.get(architecture)).map(byte[]::clone);
  }

  private static byte[] program(
      int architecture, int[] forbidden, int[] missing, int clone, int socket) {
    ByteBuffer out = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    add(out, LOAD_WORD, 0, 0, ARCHITECTURE);
    add(out, JUMP_EQUAL, 1, 0, architecture);
    add(out, RETURN, 0, 0, KILL);
    add(out, LOAD_WORD, 0, 0, NUMBER);
    // The numbers of x32, which are x86-64's and more.
    add(out, JUMP_AT_LEAST, 0, 1, 0x4000_0000);
    add(out, RETURN, 0, 0, ERRNO | ENOSYS);
    for (int number : forbidden) {
      add(out, JUMP_EQUAL, 0, 1, number);
      add(out, RETURN, 0, 0, ERRNO | EPERM);
    }
    for (int number : missing) {
      add(out, JUMP_EQUAL, 0, 1, number);
      add(out, RETURN, 0, 0, ERRNO | ENOSYS);
    }
    add(out, JUMP_EQUAL, 0, 4, clone);
    add(out, LOAD_WORD, 0, 0, FIRST_ARGUMENT);
    add(out, JUMP_BITS, 0, 1, NEW_NAMESPACES);
    add(out, RETURN, 0, 0, ERRNO | EPERM);
    add(out, RETURN, 0, 0, ALLOW);
    add(out, JUMP_EQUAL, 0, FAMILIES.length + 2, socket);
    add(out, LOAD_WORD, 0, 0, FIRST_ARGUMENT);
    for (int i = 0; i < FAMILIES.length; i++) {
      add(out, JUMP_EQUAL, FAMILIES.length - i, 0, FAMILIES[i]);
    }
    add(out, RETURN, 0, 0, ERRNO | EAFNOSUPPORT);
    add(out, RETURN, 0, 0, ALLOW);
    byte[] program = new byte[out.position()];
    out.flip().get(program);
    return program;
  }

  /** struct sock_filter: the operation, how far to jump, and a number. */
  private static void add(ByteBuffer out, int code, int ifTrue, int ifFalse, int number) {
    out.putShort((short) code).put((byte) ifTrue).put((byte) ifFalse).putInt(number);
  }
}
