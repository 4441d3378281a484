package dev.nexrootfs.cli;

import dev.nexrootfs.build.SparseFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nex-rootfs fetch}: an image from its bucket into a file. */
@Command(
    name = "fetch",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Fetches an image into a file: verified, with zeros as holes, resumed after a lost connection.",
      "FILE has its old content or all of the new one at any time; what is under way is FILE.new."
    },
    footer = {
      "",
      "  nex-rootfs fetch rootfs:latest --output /var/lib/nex/rootfs.ext4 --if-changed",
      "",
      "Exits 0 when FILE is the image, 3 where there is no such image, 5 when the time is over."
    })
final class FetchCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "NAME[:TAG]",
      description =
          "an image's link (name:tag, name_tag or name), an object's own name, or nats://BUCKET/OBJECT; with @sha256:… the bytes have to be these")
  private String name = "";

  @Mixin private FetchFlags flags = new FetchFlags();
  @Mixin private NatsFlags nats = new NatsFlags();
  @Mixin private ImageBucketFlag imageBucket = new ImageBucketFlag();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--if-changed",
      description = "where FILE has the image's digest already, leave it and download nothing")
  private boolean ifChanged;

  @Override
  public Integer call() throws IOException, CommandFailure, InterruptedException {
    long deadline = flags.deadline();
    FetchSource source = FetchSource.parse(name, imageBucket.name);
    Path file = flags.output();
    SparseFile.checkTarget(file);
    try (NatsSession session =
        NatsConnector.connect(NatsSettings.of(nats), "nex-rootfs fetch", deadline)) {
      ImageFetch fetch = new ImageFetch(session.connection(), source, file, deadline);
      ProgressLine line = ProgressLine.on(spec.commandLine().getErr());
      ImageFetch.Outcome outcome = fetch.fetch(line, ifChanged);
      PrintWriter out = spec.commandLine().getOut();
      FetchFlags.show(out, outcome, file);
      return 0;
    }
  }
}
