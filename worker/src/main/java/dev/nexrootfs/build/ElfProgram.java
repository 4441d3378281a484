package dev.nexrootfs.build;

import dev.nexrootfs.tree.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/**
 * What the kernel reads first of an ELF file (elf(5)).
 *
 * @param type {@code e_type}
 * @param machine {@code e_machine}
 * @param loader the program that the file wants to be started by, {@code PT_INTERP}
 */
record ElfProgram(int type, int machine, Optional<String> loader) {
  static final int ET_EXEC = 2;
  static final int ET_DYN = 3;

  /** {@code e_machine} by GOARCH. */
  private static final Map<String, Integer> MACHINES =
      Map.of(
          "386", 3, "ppc64le", 21, "s390x", 22, "arm", 40, "amd64", 62, "arm64", 183, "riscv64",
          243);

  /** Up to {@code e_machine}: less is no ELF file to anybody. */
  static final int MIN_BYTES = 20;

  private static final int MAGIC = 0x7F454C46;
  private static final int HEADER_BYTES = 64;
  private static final int EI_CLASS = 4;
  private static final int EI_DATA = 5;
  private static final int PT_INTERP = 3;
  private static final int MAX_SEGMENTS = 128;
  private static final int MAX_PATH = 4096;

  /** The file's header; none where it is no ELF file. */
  static Optional<ElfProgram> read(Content file) throws IOException {
    if (file.size() < MIN_BYTES) {
      return Optional.empty();
    }
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
    file.read(0, header.limit((int) Math.min(HEADER_BYTES, file.size())));
    header.clear();
    if (header.getInt(0) != MAGIC) {
      return Optional.empty();
    }
    header.order(header.get(EI_DATA) == 2 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
    return Optional.of(
        new ElfProgram(header.getShort(16), header.getShort(18) & 0xFFFF, loader(file, header)));
  }

  private static Optional<String> loader(Content file, ByteBuffer header) throws IOException {
    boolean wide = header.get(EI_CLASS) == 2;
    long table = wide ? header.getLong(32) : header.getInt(28) & 0xFFFF_FFFFL;
    int entryBytes = header.getShort(wide ? 54 : 42) & 0xFFFF;
    int entries = Math.min(header.getShort(wide ? 56 : 44) & 0xFFFF, MAX_SEGMENTS);
    if (entryBytes < (wide ? 56 : 32)) {
      return Optional.empty();
    }
    for (int i = 0; i < entries; i++) {
      Optional<ByteBuffer> entry = bytes(file, table + (long) i * entryBytes, entryBytes);
      if (entry.isPresent() && entry.get().order(header.order()).getInt(0) == PT_INTERP) {
        ByteBuffer segment = entry.get();
        long at = wide ? segment.getLong(8) : segment.getInt(4) & 0xFFFF_FFFFL;
        long length = wide ? segment.getLong(32) : segment.getInt(16) & 0xFFFF_FFFFL;
        return length < 2 || length > MAX_PATH
            ? Optional.empty()
            : bytes(file, at, (int) length - 1)
                .map(path -> StandardCharsets.ISO_8859_1.decode(path).toString());
      }
    }
    return Optional.empty();
  }

  private static Optional<ByteBuffer> bytes(Content file, long at, int length) throws IOException {
    if (at < 0 || at > file.size() - length) {
      return Optional.empty();
    }
    ByteBuffer bytes = ByteBuffer.allocate(length);
    file.read(at, bytes);
    return Optional.of(bytes.flip());
  }

  /** Whether it is a program and not a library's part. */
  boolean isExecutable() {
    return type == ET_EXEC || type == ET_DYN;
  }

  /** Whether a kernel of {@code architecture}, a GOARCH, runs it. */
  boolean runsOn(String architecture) {
    return Integer.valueOf(machine).equals(MACHINES.get(architecture));
  }

  /** The machine by its GOARCH, or by its number. */
  String machineName() {
    return MACHINES.entrySet().stream()
        .filter(entry -> entry.getValue() == machine)
        .map(Map.Entry::getKey)
        .findFirst()
        .orElse("machine " + machine);
  }
}
