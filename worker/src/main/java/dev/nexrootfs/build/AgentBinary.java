package dev.nexrootfs.build;

import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.tree.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;

/**
 * The agent's first bytes: an ELF executable for the platform (elf(5), e_ident, e_type, e_machine).
 */
final class AgentBinary {
  /** {@code e_machine} by GOARCH. */
  private static final Map<String, Integer> MACHINES =
      Map.of(
          "386", 3, "ppc64le", 21, "s390x", 22, "arm", 40, "amd64", 62, "arm64", 183, "riscv64",
          243);

  private static final int MAGIC = 0x7F454C46;
  private static final int HEADER_BYTES = 20;
  private static final int EI_DATA = 5;
  private static final int ET_EXEC = 2;
  private static final int ET_DYN = 3;

  private AgentBinary() {}

  /** Fails unless {@code agent} can run on {@code platform}. */
  static void check(Content agent, Platform platform, String source)
      throws IOException, RequestException {
    if (agent.size() < HEADER_BYTES) {
      throw invalid(source, "has " + agent.size() + " bytes; that is no ELF executable");
    }
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
    agent.read(0, header);
    if (header.getInt(0) != MAGIC) {
      throw invalid(
          source,
          "is not an ELF executable; give the nex-agent binary itself, not a script or an archive");
    }
    header.order(header.get(EI_DATA) == 2 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
    int type = header.getShort(16);
    if (type != ET_EXEC && type != ET_DYN) {
      throw invalid(source, "is an ELF file of type " + type + ", not an executable");
    }
    Integer wanted = MACHINES.get(String.valueOf(platform.architecture()));
    int machine = header.getShort(18) & 0xFFFF;
    if (wanted == null || machine != wanted) {
      String has =
          MACHINES.entrySet().stream()
              .filter(entry -> entry.getValue() == machine)
              .map(Map.Entry::getKey)
              .findFirst()
              .orElse("machine " + machine);
      throw invalid(source, "is for " + has + ", the image for " + platform);
    }
  }

  private static RequestException invalid(String source, String what) {
    return new RequestException(ErrorCode.INVALID_AGENT, "agent: " + source + " " + what);
  }
}
