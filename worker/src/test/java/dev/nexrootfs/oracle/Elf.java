package dev.nexrootfs.oracle;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The beginning of an ELF file: enough to be taken for an agent. */
public final class Elf {
  private Elf() {}

  /** An executable for {@code machine} (elf.h), {@code size} bytes long. */
  public static byte[] executable(int machine, int size) {
    ByteBuffer bytes = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(new byte[] {0x7F, 'E', 'L', 'F', 2, 1, 1});
    bytes.putShort(16, (short) 2).putShort(18, (short) machine);
    for (int i = 64; i < size; i++) {
      bytes.put(i, (byte) (i * 7 + (i >>> 8)));
    }
    return bytes.array();
  }

  /** An executable for amd64. */
  public static byte[] amd64() {
    return executable(62, 5000);
  }
}
