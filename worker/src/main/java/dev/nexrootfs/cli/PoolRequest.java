package dev.nexrootfs.cli;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.protocol.BuildEvent;
import dev.nexrootfs.protocol.BuildReply;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.store.Buckets;
import dev.nexrootfs.store.Denial;
import dev.nexrootfs.store.StoredObject;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Subscription;
import io.nats.client.impl.Headers;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** One way of asking a pool for an image: inputs into their bucket, the question, its events. */
final class PoolRequest {
  /** The answer is sent right after the event. */
  private static final Duration AFTER_FAILURE = Duration.ofSeconds(5);

  /** With nothing heard for so long, a request may be lost. */
  private static final Duration SILENCE = Duration.ofSeconds(15);

  /** So often a request that was heard once may find nobody, until that is the answer. */
  private static final int MAX_NOBODY = 8;

  private static final Duration SLICE = Duration.ofSeconds(1);

  private final RequestFlags flags;
  private final String name;
  private final String tag;

  /** A request for what is to be linked as {@code name_tag} and {@code name}. */
  PoolRequest(RequestFlags flags, String name, String tag) {
    this.flags = flags;
    this.name = name;
    this.tag = tag;
  }

  /** The pool's answer is no image; it is told as {@code CODE: message}. */
  static final class PoolRefusal extends Exception {
    private static final long serialVersionUID = 1L;

    PoolRefusal(String message) {
      super(message);
    }
  }

  /** No answer came within the time that was given. */
  static final class NoAnswer extends Exception {
    private static final long serialVersionUID = 1L;

    NoAnswer(String message) {
      super(message);
    }
  }

  /** Finds everything that can be wrong with the request, before anything is stored for it. */
  void check() throws IOException, CommandFailure {
    Optional<String> imageInBucket = Optional.empty();
    if (flags.imageFile != null) {
      BuildFlags.existing(flags.imageFile, "--image-file");
      if (flags.build.image != null) {
        throw CommandFailure.usage(
            "--image " + flags.build.image + " and --image-file exclude each other", null);
      }
      imageInBucket = Optional.of("nats://" + flags.buckets.inputs + "/image");
    }
    var unused =
        flags.build.request(
            imageInBucket,
            name,
            tag,
            flags.namespace,
            file -> "nats://" + flags.buckets.inputs + "/file");
  }

  /** Puts the inputs that are files of this machine into their bucket; the request for them. */
  BuildRequest prepare(Connection connection) throws IOException, CommandFailure {
    Buckets store = new Buckets(connection);
    Optional<String> image =
        flags.imageFile == null ? Optional.empty() : Optional.of(put(store, flags.imageFile));
    return flags.build.request(image, name, tag, flags.namespace, file -> put(store, file));
  }

  /**
   * Asks, and waits for the answer.
   *
   * @param request of {@link #prepare}
   * @param deadline by {@link System#nanoTime}
   */
  BuildReply ask(Connection connection, BuildRequest request, ProgressLine line, long deadline)
      throws IOException, CommandFailure, PoolRefusal, NoAnswer, InterruptedException {
    Subjects subjects = flags.buckets.subjects();
    String id = NUID.nextGlobal();
    byte[] body = Protocol.write(request);
    if (body.length > connection.getServerInfo().getMaxPayload()) {
      throw new CommandFailure(
          "PAYLOAD_TOO_LARGE: the request has "
              + body.length
              + " bytes; the server takes "
              + connection.getServerInfo().getMaxPayload());
    }
    BuildWatch watch = new BuildWatch(id, line);
    // Before the subscriptions: that one of them is denied is heard at any moment after it.
    Denial.forget(connection);
    Dispatcher watcher = connection.createDispatcher(watch::onMessage);
    watcher.subscribe("$NEX.events." + request.namespace() + ".*");
    String inbox = connection.createInbox();
    Subscription answers = connection.subscribe(inbox);
    String subject =
        flags.namespaceInSubject ? subjects.build() + "." + request.namespace() : subjects.build();
    long asked = System.nanoTime();
    Headers headers = new Headers().add(Subjects.BUILD_ID_HEADER, id);
    Runnable send = () -> connection.publish(subject, inbox, headers, body);
    send.run();
    Optional<Message> answer = await(connection, subject, answers, watch, send, deadline);
    answer.ifPresent(message -> showEnd(message, line));
    line.end();
    connection.closeDispatcher(watcher);
    answers.unsubscribe();
    if (answer.isPresent()) {
      return read(answer.get(), subjects);
    }
    if (watch.failure().isPresent()) {
      BuildEvent failed = watch.failure().get();
      throw new PoolRefusal(
          failed.errorCode()
              + ": "
              + failed.message()
              + " (from the events; the answer itself did not arrive)");
    }
    throw new NoAnswer(
        "no answer within "
            + Duration.ofNanos(System.nanoTime() - asked).plusMillis(500).toSeconds()
            + " s; where a build is under way it goes on, and the same request later finds it");
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
            .open(flags.buckets.inputs)
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

  /** The answer can be here before the event that tells of it. */
  private static void showEnd(Message answer, ProgressLine line) {
    Headers headers = answer.getHeaders();
    if (headers != null && headers.containsKey(Subjects.LOCATION_HEADER)) {
      line.show(100, "done", "stored as " + headers.getFirst(Subjects.LOCATION_HEADER));
    }
  }

  /**
   * The answer; none after the deadline, or some seconds after an event told of the failure. A
   * request that nothing is heard of may have died with the worker that took it: it is sent again,
   * which does no harm to one that is under way. That nobody serves then may mean that the worker's
   * connection is not back yet, or that another has to be started: for two minutes.
   */
  private static Optional<Message> await(
      Connection connection,
      String subject,
      Subscription answers,
      BuildWatch watch,
      Runnable send,
      long deadline)
      throws InterruptedException, PoolRefusal {
    long end = deadline;
    boolean failed = false;
    int nobody = 0;
    boolean again = false;
    while (System.nanoTime() - end < 0) {
      long left = Math.min(SLICE.toNanos(), Math.max(1_000_000, end - System.nanoTime()));
      Message answer = answers.nextMessage(Duration.ofNanos(left));
      if (answer != null && again && answer.isStatusMessage() && ++nobody < MAX_NOBODY) {
        continue;
      }
      if (answer != null) {
        return Optional.of(answer);
      }
      checkNotDenied(connection, subject);
      if (!failed && watch.failure().isPresent()) {
        failed = true;
        end = Math.min(end, System.nanoTime() + AFTER_FAILURE.toNanos());
      }
      if (!failed && watch.silentFor(SILENCE)) {
        again = true;
        send.run();
      }
    }
    return Optional.empty();
  }

  /** A request that the server does not pass on, or an answer that it does not, never comes. */
  private static void checkNotDenied(Connection connection, String subject) throws PoolRefusal {
    Optional<String> question = Denial.of(connection, subject + "\"");
    if (question.isPresent()) {
      throw new PoolRefusal(
          question.get()
              + "; where a user may ask for one namespace only, as in deploy/nats/users.conf, give"
              + " --namespace NAME --namespace-in-subject");
    }
    Optional<String> inbox = Denial.of(connection, "_INBOX");
    if (inbox.isPresent()) {
      throw new PoolRefusal(inbox.get());
    }
  }

  private static BuildReply read(Message answer, Subjects subjects)
      throws IOException, PoolRefusal {
    if (answer.isStatusMessage()) {
      throw new PoolRefusal(
          answer.getStatus().getCode() == 503
              ? "nobody serves "
                  + subjects.build()
                  + "; start a worker with nex-rootfs worker, or look whether this server reaches the"
                  + " pool's (leaf node, account, subject)"
              : "the server says " + answer.getStatus());
    }
    if (answer.hasHeaders() && answer.getHeaders().containsKey(Subjects.ERROR_CODE_HEADER)) {
      ErrorBody.Detail error = Protocol.read(answer.getData(), ErrorBody.class).error();
      throw new PoolRefusal(
          error.code()
              + ": "
              + error.message()
              + (error.retryAfterMs() == null
                  ? ""
                  : " (try again in " + error.retryAfterMs() + " ms)"));
    }
    return Protocol.read(answer.getData(), BuildReply.class);
  }
}
