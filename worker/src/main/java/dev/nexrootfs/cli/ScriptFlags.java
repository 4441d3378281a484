package dev.nexrootfs.cli;

import dev.nexrootfs.build.ScriptStep;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.sandbox.SandboxChoice;
import dev.nexrootfs.sandbox.ScriptLimits;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import picocli.CommandLine.Option;

/** Where setup scripts run, and what they may take. */
final class ScriptFlags {
  @Option(
      names = "--trust-scripts",
      description = {
        "run scripts as root of this machine, in another root directory and nothing else, where it",
        "gives no sandbox; for a worker whose requesters may do anything on it"
      })
  private boolean trusted;

  @Option(
      names = "--script-seconds",
      paramLabel = "SECONDS",
      defaultValue = "600",
      description = "how long a script may run (default: ${DEFAULT-VALUE})")
  private long seconds;

  @Option(
      names = "--script-memory",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      defaultValue = "1GiB",
      description = "memory of all processes of a script (default: ${DEFAULT-VALUE})")
  private long memory;

  @Option(
      names = "--script-processes",
      paramLabel = "N",
      defaultValue = "512",
      description = "processes of a script at once (default: ${DEFAULT-VALUE})")
  private int processes;

  @Option(
      names = "--script-disk",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      defaultValue = "2GiB",
      description = {
        "what a script may add to the tree and to /tmp; it lies in memory meanwhile, beside",
        "the tree (default: ${DEFAULT-VALUE})"
      })
  private long disk;

  @Option(
      names = "--script-output",
      paramLabel = "BYTES",
      converter = ByteCount.class,
      defaultValue = "16MiB",
      description = "what a script may say (default: ${DEFAULT-VALUE})")
  private long output;

  /** What runs scripts, found out by a try. */
  ScriptStep open(CacheFlags cache, LayerCache layers, boolean allowNetwork, boolean verify)
      throws IOException, CommandFailure {
    ScriptLimits limits;
    try {
      limits = new ScriptLimits(Duration.ofSeconds(seconds), memory, processes, disk, output);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(String.valueOf(e.getMessage()), e);
    }
    Path scratch = cache.path().resolve("scripts");
    return new ScriptStep(
        SandboxChoice.find(limits, trusted, layers, scratch), allowNetwork, verify);
  }
}
