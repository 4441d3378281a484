package dev.nexrootfs.cli;

import dev.nexrootfs.build.SparseFile;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.Guest;
import dev.nexrootfs.store.StoredObject;
import io.nats.client.Connection;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code nex-rootfs preflight}: what a node does about its root file system before it starts. */
@Command(
    name = "preflight",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Sees to it that a node has its root file system.",
      "Compares FILE with the pool's image, asks for a build where there is none, shows its progress,",
      "fetches, verifies."
    },
    footer = {
      "",
      "  nex-rootfs preflight rootfs:latest --output /var/lib/nex/rootfs.ext4 --agent nats://NEXINPUTS/nex-agent",
      "",
      "Exits 0 when FILE is the image, 3 where there is none and none can be asked for, or --check finds",
      "another file, 4 when the pool does not build it, 5 when the time is over."
    })
final class PreflightCommand implements Callable<Integer> {
  @Parameters(paramLabel = "NAME[:TAG]", description = "the image (default tag: latest)")
  private String name = "";

  @Mixin private FetchFlags fetchFlags = new FetchFlags();
  @Mixin private RequestFlags requestFlags = new RequestFlags();
  @Mixin private NatsFlags nats = new NatsFlags();
  @Mixin private ImageBucketFlag imageBucket = new ImageBucketFlag();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--check", description = "say how FILE stands, and change nothing")
  private boolean check;

  @Option(
      names = "--ask",
      description =
          "ask the pool though there is an image: what was built before is answered at once, what has changed is built")
  private boolean ask;

  @Override
  public Integer call() throws IOException, CommandFailure, InterruptedException {
    long deadline = fetchFlags.deadline();
    Path file = fetchFlags.output();
    SparseFile.checkTarget(file);
    int colon = name.indexOf(':');
    String image = colon < 0 ? name : name.substring(0, colon);
    String tag = colon < 0 ? "latest" : name.substring(colon + 1);
    PoolRequest request = new PoolRequest(requestFlags, image, tag);
    // Without an agent there is nothing to ask for, but there may be an image.
    boolean canAsk =
        requestFlags.build.agent != null || requestFlags.build.guest == Guest.PLAIN || ask;
    if (canAsk) {
      request.check();
    }
    FetchSource source = FetchSource.parse(image + ":" + tag, imageBucket.name);
    try (NatsSession session =
        NatsConnector.connect(NatsSettings.of(nats), "nex-rootfs preflight", deadline)) {
      Connection connection = session.connection();
      ImageFetch fetch = new ImageFetch(connection, source, file, deadline);
      Optional<StoredObject> present = fetch.find();
      if (check) {
        return checked(fetch, present, source, file);
      }
      if (present.isEmpty() && !canAsk) {
        throw new CommandFailure(
            ExitStatus.NOT_THERE,
            source + " is not there, and without --agent none can be asked for",
            null);
      }
      if (present.isEmpty() || ask) {
        BuildReply reply = build(request, connection, deadline);
        fetch = new ImageFetch(connection, built(reply), file, deadline);
      }
      ProgressLine line = ProgressLine.on(spec.commandLine().getErr());
      FetchFlags.show(spec.commandLine().getOut(), fetch.fetch(line, true), file);
      return 0;
    }
  }

  private BuildReply build(PoolRequest request, Connection connection, long deadline)
      throws IOException, CommandFailure, InterruptedException {
    try {
      ProgressLine line = ProgressLine.ofAllOn(spec.commandLine().getErr());
      BuildReply reply = request.ask(connection, request.prepare(connection), line, deadline);
      PrintWriter out = spec.commandLine().getOut();
      out.println((reply.cached() ? "found     " : "built     ") + reply.location());
      reply.warnings().forEach(warning -> out.println("warning   " + warning));
      return reply;
    } catch (PoolRequest.PoolRefusal e) {
      throw new CommandFailure(ExitStatus.NOT_BUILT, String.valueOf(e.getMessage()), e);
    } catch (PoolRequest.NoAnswer e) {
      throw new CommandFailure(ExitStatus.TIMED_OUT, String.valueOf(e.getMessage()), e);
    }
  }

  /** The image that was answered with, whatever the links lead to by now. */
  private static FetchSource built(BuildReply reply) {
    return new FetchSource(
        reply.bucket(), List.of(reply.object()), Optional.of(new Digest(reply.digest())));
  }

  private int checked(
      ImageFetch fetch, Optional<StoredObject> present, FetchSource source, Path file)
      throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (present.isEmpty()) {
      out.println("missing   " + source);
      return ExitStatus.NOT_THERE;
    }
    boolean same = fetch.isFetched(present.get());
    out.println((same ? "satisfied " : "differs   ") + file);
    out.println("wanted    " + present.get().location() + " " + present.get().digest());
    out.flush();
    return same ? 0 : ExitStatus.NOT_THERE;
  }
}
