package dev.nexrootfs.build;

import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.tree.Content;
import java.io.IOException;

/** The agent as it was given: an ELF executable for the platform. */
final class AgentBinary {
  private AgentBinary() {}

  /** Fails unless {@code agent} can run on {@code platform}. */
  static void check(Content agent, Platform platform, String source)
      throws IOException, RequestException {
    if (agent.size() < ElfProgram.MIN_BYTES) {
      throw invalid(source, "has " + agent.size() + " bytes; that is no ELF executable");
    }
    ElfProgram program =
        ElfProgram.read(agent)
            .orElseThrow(
                () ->
                    invalid(
                        source,
                        "is not an ELF executable; give the nex-agent binary itself, not a script or an archive"));
    if (!program.isExecutable()) {
      throw invalid(source, "is an ELF file of type " + program.type() + ", not an executable");
    }
    if (!program.runsOn(String.valueOf(platform.architecture()))) {
      throw invalid(source, "is for " + program.machineName() + ", the image for " + platform);
    }
  }

  private static RequestException invalid(String source, String what) {
    return new RequestException(ErrorCode.INVALID_AGENT, "agent: " + source + " " + what);
  }
}
