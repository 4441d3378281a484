package dev.nexrootfs.cli;

import dev.nexrootfs.build.BucketInputs;
import dev.nexrootfs.build.BuildResult;
import dev.nexrootfs.build.FileSink;
import dev.nexrootfs.build.Inputs;
import dev.nexrootfs.build.PathPolicy;
import dev.nexrootfs.build.RegistryImages;
import dev.nexrootfs.build.RootfsBuild;
import dev.nexrootfs.build.ScriptStep;
import dev.nexrootfs.layer.BlobCache;
import dev.nexrootfs.layer.BlobExchange;
import dev.nexrootfs.layer.CacheDirectory;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.Size;
import dev.nexrootfs.registry.Registries;
import dev.nexrootfs.registry.RegistryPolicy;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nex-rootfs build}: the same build without NATS. */
@Command(
    name = "build",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = "Builds a root file system into a file of this machine, without NATS.",
    footer = {
      "",
      "The latest time of a file is SOURCE_DATE_EPOCH where that is set, else the base image's creation time.",
      "",
      "  nex-rootfs build --image alpine:3.22 --agent nex-agent --output rootfs.ext4"
    })
final class BuildCommand implements Callable<Integer> {
  @Mixin private BuildFlags flags = new BuildFlags();
  @Mixin private CacheFlags cacheFlags = new CacheFlags();
  @Mixin private RegistryFlags registryFlags = new RegistryFlags();
  @Mixin private ScriptFlags scripts = new ScriptFlags();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      defaultValue = "rootfs.ext4",
      description = "the image, replaced when the new one is whole (default: ${DEFAULT-VALUE})")
  private Path output = Path.of("rootfs.ext4");

  @Option(
      names = "--verify-script",
      description = "run the script twice first, and fail with a list of what differs")
  private boolean verifyScript;

  @Option(names = "--json", description = "print the result as JSON")
  private boolean json;

  @Override
  public Integer call() throws IOException, CommandFailure {
    if (output.toString().isEmpty() || output.toString().equals("-")) {
      throw CommandFailure.usage(
          "--output \"" + output + "\" names no file; an image has holes, so it is a file's", null);
    }
    BuildRequest request =
        flags.request(Optional.empty(), "rootfs", "latest", "default", Path::toString);
    CacheDirectory cache = cacheFlags.open();
    LayerCache layers = cacheFlags.layers(cache);
    try (Registries registries = registryFlags.open(RegistryPolicy.ALL)) {
      RegistryImages images =
          new RegistryImages(registries, new BlobCache(cache, BlobExchange.NONE));
      RootfsBuild build =
          new RootfsBuild(
              layers,
              new Inputs(layers, PathPolicy.ALL, BucketInputs.NONE, Optional.of(images)),
              "local",
              Size.MAX_BYTES,
              sourceDateEpoch(),
              request.script() == null
                  ? ScriptStep.NONE
                  : scripts.open(cacheFlags, layers, true, verifyScript));
      return run(build, request);
    }
  }

  private int run(RootfsBuild build, BuildRequest request) throws CommandFailure {
    PrintWriter out = spec.commandLine().getOut();
    ProgressLine line = ProgressLine.on(spec.commandLine().getErr());
    try {
      BuildResult result =
          build.run(
              "local",
              request,
              new FileSink(output),
              (phase, percent, message) -> line.show(percent, phase.text(), message));
      BuildReply reply = result.reply();
      line.show(100, "done", "built in " + reply.durations().get("total") + " ms");
      line.end();
      if (json) {
        out.println(Protocol.writeText(reply));
      } else {
        out.printf(
            "%s  %s%n%s, %s free%n",
            reply.digest(),
            output,
            ByteCount.text(reply.size()),
            ByteCount.text(reply.freeBytes()));
        reply.warnings().forEach(warning -> out.println("warning: " + warning));
        reply.findings().forEach(finding -> out.println("finding: " + finding.line()));
      }
      out.flush();
      return 0;
    } catch (RequestException e) {
      line.end();
      throw new CommandFailure(e.code() + ": " + e.line(), e);
    }
  }

  /** What reproducible-builds.org asks of tools. */
  private static Optional<Instant> sourceDateEpoch() throws CommandFailure {
    String text = System.getenv("SOURCE_DATE_EPOCH");
    if (text == null || text.isBlank()) {
      return Optional.empty();
    }
    try {
      return Optional.of(Instant.ofEpochSecond(Long.parseLong(text)));
    } catch (NumberFormatException e) {
      throw CommandFailure.usage("SOURCE_DATE_EPOCH is not a number of seconds: " + text, e);
    }
  }
}
