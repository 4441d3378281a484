package dev.nexrootfs.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nex-rootfs pull}: an image into this machine's cache. */
@Command(
    name = "pull",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Reads an image into the cache of this machine, so that builds find it there:",
      "its documents and layers, verified and decoded. What is there already is not read again."
    },
    footer = {
      "",
      "  nex-rootfs pull alpine:3.22",
      "  nex-rootfs pull registry.example:5000/team/base@sha256:… --platform linux/arm64"
    })
final class PullCommand implements Callable<Integer> {
  @Mixin private LocalImages images = new LocalImages();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      paramLabel = "REF",
      description =
          "[registry/]name[:tag][@digest], oci:DIR[:tag], oci-archive:FILE, docker-archive:FILE")
  private String reference = "";

  @Override
  public Integer call() throws IOException, CommandFailure {
    PrintWriter out = spec.commandLine().getOut();
    images.use(
        reference,
        spec.commandLine().getErr(),
        (image, layers) -> LocalImages.describe(out, image, layers));
    out.flush();
    return 0;
  }
}
