package dev.nexrootfs.cli;

import dev.nexrootfs.build.SparseFile;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.protocol.BuildEvent;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.CloudEvent;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.StoredObject;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Subscription;
import io.nats.client.impl.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicReference;
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
      "Asks a pool of workers for a root file system: puts agent, script and files into the inputs bucket,",
      "sends the request, shows its progress, and fetches the image."
    },
    footer = {
      "",
      "  nex-rootfs request --agent nex-agent --image nats://NEXINPUTS/base.tar --output rootfs.ext4"
    })
final class RequestCommand implements Callable<Integer> {
  /** The answer is sent right after the event. */
  private static final int SECONDS_AFTER_FAILURE = 5;

  @Mixin private BuildFlags flags = new BuildFlags();
  @Mixin private NatsFlags nats = new NatsFlags();
  @Mixin private BucketFlags buckets = new BucketFlags();
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--image-file",
      paramLabel = "FILE",
      description =
          "an archive of the base image on this machine (OCI or docker save), put into the inputs bucket")
  private @Nullable Path imageFile;

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
      names = "--namespace",
      defaultValue = "${env:NEX_NAMESPACE:-default}",
      description = "Nex namespace of the events (NEX_NAMESPACE; default: default)")
  private String namespace = "default";

  @Option(
      names = "--namespace-in-subject",
      description = {
        "ask on PREFIX.build.NAMESPACE, where the server lets a user ask for one",
        "namespace only"
      })
  private boolean namespaceInSubject;

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
      throw new CommandFailure(
          "--timeout: " + timeoutSeconds + " is not a number of seconds from 1 on");
    }
    if (output != null) {
      SparseFile.checkTarget(output);
    }
    Optional<String> imageInBucket = Optional.empty();
    if (imageFile != null) {
      BuildFlags.existing(imageFile, "--image-file");
      imageInBucket = Optional.of("nats://" + buckets.inputs + "/image");
    }
    // What can be wrong with the request is found before anything is stored.
    var unused =
        flags.request(
            imageInBucket, name, tag, namespace, file -> "nats://" + buckets.inputs + "/file");
    try (NatsSession session = NatsConnector.connect(NatsSettings.of(nats), "nex-rootfs request")) {
      Connection connection = session.connection();
      Buckets store = new Buckets(connection);
      Optional<String> image =
          imageFile == null ? Optional.empty() : Optional.of(put(store, imageFile));
      BuildRequest request = flags.request(image, name, tag, namespace, file -> put(store, file));
      BuildReply reply = ask(connection, request);
      if (output != null) {
        fetch(store, reply, output);
      }
      show(reply);
      return 0;
    }
  }

  /** Puts a file into the inputs bucket under its digest; how a request names it. */
  private String put(Buckets store, Path file) throws IOException {
    MessageDigest computation = Digest.newSha256();
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), computation)) {
      in.transferTo(java.io.OutputStream.nullOutputStream());
    }
    Digest digest = Digest.ofSha256(computation.digest());
    StoredObject stored =
        store
            .open(buckets.inputs)
            .putIfAbsent(
                "sha256-" + digest.hex(),
                String.valueOf(file.getFileName()),
                Map.of(),
                () -> Files.newInputStream(file),
                bytes -> {});
    if (!stored.digest().equals(digest)) {
      throw new IOException(
          stored.location()
              + " has other bytes than "
              + file
              + ", or the file has changed meanwhile; delete the object and try again");
    }
    return stored.location() + "@" + digest;
  }

  private BuildReply ask(Connection connection, BuildRequest request)
      throws IOException, CommandFailure, InterruptedException {
    Subjects subjects = buckets.subjects();
    String id = NUID.nextGlobal();
    byte[] body = Protocol.write(request);
    if (body.length > connection.getServerInfo().getMaxPayload()) {
      throw new CommandFailure(
          "PAYLOAD_TOO_LARGE: the request has "
              + body.length
              + " bytes; the server takes "
              + connection.getServerInfo().getMaxPayload());
    }
    ProgressLine line = ProgressLine.on(spec.commandLine().getErr());
    AtomicReference<@Nullable BuildEvent> failure = new AtomicReference<>();
    Dispatcher watcher = connection.createDispatcher(message -> watch(message, id, line, failure));
    watcher.subscribe("$NEX.events." + request.namespace() + ".*");
    String inbox = connection.createInbox();
    Subscription answers = connection.subscribe(inbox);
    String subject =
        namespaceInSubject ? subjects.build() + "." + request.namespace() : subjects.build();
    connection.publish(subject, inbox, new Headers().add(Subjects.BUILD_ID_HEADER, id), body);
    Optional<Message> answer = await(answers, failure);
    answer.ifPresent(message -> showEnd(message, line));
    line.end();
    connection.closeDispatcher(watcher);
    answers.unsubscribe();
    BuildEvent failed = failure.get();
    if (answer.isEmpty() && failed != null) {
      throw new CommandFailure(
          failed.errorCode()
              + ": "
              + failed.message()
              + " (from the events; the answer itself did not arrive)");
    }
    if (answer.isEmpty()) {
      throw new CommandFailure(
          "no answer within "
              + timeoutSeconds
              + " s; where a build is under way it goes on, and the same request later finds it");
    }
    return read(answer.get(), subjects);
  }

  /** The answer can be here before the event that tells of it. */
  private static void showEnd(Message answer, ProgressLine line) {
    Headers headers = answer.getHeaders();
    if (headers != null && headers.containsKey(Subjects.LOCATION_HEADER)) {
      line.show(100, "done", "stored as " + headers.getFirst(Subjects.LOCATION_HEADER));
    }
  }

  /** The answer; none after the timeout, or some seconds after an event told of the failure. */
  private Optional<Message> await(
      Subscription answers, AtomicReference<@Nullable BuildEvent> failure)
      throws InterruptedException {
    int afterFailure = 0;
    for (int second = 0;
        second < timeoutSeconds && afterFailure < SECONDS_AFTER_FAILURE;
        second++) {
      Message answer = answers.nextMessage(Duration.ofSeconds(1));
      if (answer != null) {
        return Optional.of(answer);
      }
      afterFailure += failure.get() == null ? 0 : 1;
    }
    return Optional.empty();
  }

  private BuildReply read(Message answer, Subjects subjects) throws IOException, CommandFailure {
    if (answer.isStatusMessage()) {
      throw new CommandFailure(
          answer.getStatus().getCode() == 503
              ? "nobody serves " + subjects.build() + "; start a worker with nex-rootfs worker"
              : "the server says " + answer.getStatus());
    }
    if (answer.hasHeaders() && answer.getHeaders().containsKey(Subjects.ERROR_CODE_HEADER)) {
      ErrorBody.Detail error = Protocol.read(answer.getData(), ErrorBody.class).error();
      throw new CommandFailure(
          error.code()
              + ": "
              + error.message()
              + (error.retryAfterMs() == null
                  ? ""
                  : " (try again in " + error.retryAfterMs() + " ms)"));
    }
    return Protocol.read(answer.getData(), BuildReply.class);
  }

  private static void watch(
      Message message,
      String id,
      ProgressLine line,
      AtomicReference<@Nullable BuildEvent> failure) {
    try {
      BuildEvent event = Protocol.read(message.getData(), CloudEvent.class).data();
      if (event != null && id.equals(event.id())) {
        if (event.transition() == BuildEvent.Transition.FAILED) {
          failure.set(event);
        }
        line.show(event.percent(), event.phase(), event.message());
      }
    } catch (IOException e) {
      // Other programs' events travel on the same subjects; they are not ours to judge.
      return;
    }
  }

  /** The image, verified while it is written; the file has its name only when it is whole. */
  private static void fetch(Buckets store, BuildReply reply, Path file)
      throws IOException, CommandFailure {
    try (SparseFile target = new SparseFile(file)) {
      store.open(reply.bucket()).get(reply.object(), target);
      Digest digest = target.digest();
      if (!digest.text().equals(reply.digest())) {
        throw new CommandFailure(
            "fetched "
                + digest
                + " where the reply promises "
                + reply.digest()
                + "; "
                + file
                + " is left as it was");
      }
      target.commit();
    }
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
      if (output != null) {
        out.println("fetched  " + output);
      }
    }
    out.flush();
  }
}
