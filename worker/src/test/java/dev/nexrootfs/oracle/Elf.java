package dev.nexrootfs.oracle;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

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

  /**
   * A program for amd64 without libraries that becomes root where its setuid bit lets it, and then
   * {@code shell} with the file {@code script}. It has no environment.
   */
  public static byte[] shellOf(String shell, String script) {
    int address = 0x400000;
    int code = 64 + 56;
    int pointers = code + 80;
    int strings = pointers + 24;
    byte[] shellBytes = (shell + "\0").getBytes(StandardCharsets.US_ASCII);
    byte[] scriptBytes = (script + "\0").getBytes(StandardCharsets.US_ASCII);
    int end = strings + shellBytes.length + scriptBytes.length;
    ByteBuffer bytes = ByteBuffer.wrap(executable(62, end)).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putInt(20, 1).putLong(24, address + code).putLong(32, 64);
    bytes.putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) 1);
    // One segment, PT_LOAD, to be read and run.
    bytes.putInt(64, 1).putInt(68, 5).putLong(72, 0).putLong(80, address).putLong(88, address);
    bytes.putLong(96, end).putLong(104, end).putLong(112, 0x1000);
    bytes.position(code);
    systemCall(bytes, 106, 0, 0); // setgid(0)
    systemCall(bytes, 105, 0, 0); // setuid(0)
    systemCall(bytes, 59, address + strings, address + pointers); // execve
    systemCall(bytes, 60, 127, 0); // exit
    bytes.putLong(pointers, address + strings);
    bytes.putLong(pointers + 8, address + strings + shellBytes.length);
    bytes.putLong(pointers + 16, 0);
    bytes.position(strings).put(shellBytes).put(scriptBytes);
    return bytes.array();
  }

  /** An executable for amd64 that wants to be started by {@code loader}. */
  public static byte[] dynamic(String loader) {
    ByteBuffer bytes = ByteBuffer.wrap(amd64()).order(ByteOrder.LITTLE_ENDIAN);
    byte[] path = (loader + "\0").getBytes(StandardCharsets.US_ASCII);
    bytes.putLong(32, 64).putShort(54, (short) 56).putShort(56, (short) 1);
    // PT_INTERP: where the path is, and how long.
    bytes.putInt(64, 3).putLong(72, 1000).putLong(96, path.length);
    return bytes.position(1000).put(path).array();
  }

  /** {@code mov eax, number; mov edi, first; mov esi, second; xor edx, edx; syscall}. */
  private static void systemCall(ByteBuffer code, int number, int first, int second) {
    code.put((byte) 0xB8).putInt(number).put((byte) 0xBF).putInt(first).put((byte) 0xBE);
    code.putInt(second).put(new byte[] {0x31, (byte) 0xD2, 0x0F, 0x05});
  }
}
