package dev.nexrootfs.cli;

import dev.nexrootfs.build.SparseFile;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.Protocol;
import io.nats.client.Connection;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code nex-rootfs request}: asks the pool, watches, and fetches. */
@Command(
    name = "request",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Asks a pool of workers for a root file system.",
      "Puts agent, script and files into the inputs bucket, sends the request, shows its progress, and",
      "fetches the image."
    },
    footer = {
      "",
      "  nex-rootfs request --agent nex-agent --image nats://NEXINPUTS/base.tar --output rootfs.ext4"
    })
final class RequestCommand implements Callable<Integer> {
  /** A build that came late is fetched all the same. */
  private static final Duration LEAST_FETCH = Duration.ofMinutes(2);

  @Mixin private RequestFlags flags = new RequestFlags();
  @Mixin private NatsFlags nats = new NatsFlags();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description =
          "fetch the image into FILE, replaced when the new one is whole (default: leave it in the bucket)")
  private @Nullable Path output;

  @Option(
      names = "--name",
      defaultValue = "rootfs",
      description = "the object's name (default: ${DEFAULT-VALUE})")
  private String name = "rootfs";

  @Option(
      names = "--tag",
      defaultValue = "latest",
      description = "the object's tag (default: ${DEFAULT-VALUE})")
  private String tag = "latest";

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      defaultValue = "600",
      description = "how long to wait for the answer (default: ${DEFAULT-VALUE})")
  private int timeoutSeconds;

  @Option(names = "--json", description = "print the reply as JSON")
  private boolean json;

  @Override
  public Integer call() throws IOException, CommandFailure, InterruptedException {
    // Everything that can be wrong is found before anything is stored.
    if (timeoutSeconds < 1) {
      throw CommandFailure.usage(
          "--timeout: " + timeoutSeconds + " is not a number of seconds from 1 on", null);
    }
    if (output != null) {
      SparseFile.checkTarget(output);
    }
    PoolRequest request = new PoolRequest(flags, name, tag);
    request.check();
    try (NatsSession session = NatsConnector.connect(NatsSettings.of(nats), "nex-rootfs request")) {
      Connection connection = session.connection();
      ProgressLine line = ProgressLine.on(spec.commandLine().getErr());
      BuildRequest prepared = request.prepare(connection);
      long deadline = System.nanoTime() + Duration.ofSeconds(timeoutSeconds).toNanos();
      BuildReply reply = request.ask(connection, prepared, line, deadline);
      if (output != null) {
        fetch(connection, reply, output, deadline);
      }
      show(reply);
      return 0;
    } catch (PoolRequest.PoolRefusal | PoolRequest.NoAnswer e) {
      throw new CommandFailure(String.valueOf(e.getMessage()), e);
    }
  }

  private static void fetch(Connection connection, BuildReply reply, Path file, long deadline)
      throws IOException, CommandFailure {
    long end = Math.max(deadline, System.nanoTime() + LEAST_FETCH.toNanos());
    FetchSource source =
        new FetchSource(
            reply.bucket(), List.of(reply.object()), Optional.of(new Digest(reply.digest())));
    var unused = new ImageFetch(connection, source, file, end).fetch(ProgressLine.NONE, false);
  }

  private void show(BuildReply reply) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(Protocol.writeText(reply));
    } else {
      out.println((reply.cached() ? "found    " : "built    ") + reply.location());
      out.println("links    " + String.join(", ", reply.links()));
      out.println("digest   " + reply.digest());
      out.println(
          "size     " + reply.size() + " bytes, " + ByteCount.text(reply.freeBytes()) + " free");
      out.println("base     " + reply.baseManifest());
      out.println("took     " + reply.durations() + " ms on worker " + reply.worker());
      reply.warnings().forEach(warning -> out.println("warning  " + warning));
      reply.findings().forEach(finding -> out.println("finding  " + finding.line()));
      if (output != null) {
        out.println("fetched  " + output);
      }
    }
    out.flush();
  }
}
