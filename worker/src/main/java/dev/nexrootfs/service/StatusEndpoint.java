package dev.nexrootfs.service;

import dev.nexrootfs.protocol.BuildStatus;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.ReplyMode;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.StatusRequest;
import dev.nexrootfs.protocol.Subjects;
import io.nats.client.NUID;
import io.nats.client.impl.Headers;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The endpoints {@code status} and {@code cancel}. Who follows a build hears first how far it is,
 * whenever it comes, and then of each change until the end.
 */
final class StatusEndpoint {
  private static final Logger LOG = LoggerFactory.getLogger(StatusEndpoint.class);
  private static final int MAX_FOLLOWERS = 1024;
  private static final long BUSY_RETRY_MILLIS = 5000;

  private final Pool pool;
  private final Cancellation cancellation;
  private final Map<String, Follower> followers = new ConcurrentHashMap<>();

  StatusEndpoint(Pool pool, Cancellation cancellation) {
    this.pool = pool;
    this.cancellation = cancellation;
  }

  /** Who waits for the end of {@code id}. */
  private record Follower(String id, String replyTo, boolean streamed) {}

  /** Begins to hear of changes. */
  void open() {
    pool.records().onChange(this::changed);
  }

  void status(Front.Request request) throws RequestException {
    StatusRequest wanted = Protocol.readStatusRequest(request.json());
    ReplyMode mode = wanted.reply();
    if (mode == null) {
      answer(request.replyTo(), find(wanted, request.namespace()), false);
      return;
    }
    boolean streamed = mode == ReplyMode.STREAM;
    try {
      follow(find(wanted, request.namespace()).id(), request.replyTo(), streamed);
    } catch (RequestException e) {
      throw new Front.RefusedException(NUID.nextGlobal(), streamed, e);
    }
  }

  private void follow(String id, String replyTo, boolean streamed) throws RequestException {
    if (followers.size() >= MAX_FOLLOWERS) {
      throw RequestException.retryAfter(
          ErrorCode.BUSY,
          "worker " + pool.settings().worker() + " has " + MAX_FOLLOWERS + " followers; ask again",
          BUSY_RETRY_MILLIS);
    }
    Follower follower = new Follower(id, replyTo, streamed);
    followers.put(replyTo, follower);
    // What changes from here on is heard of; so nothing is missed.
    try {
      Optional<BuildStatus> now = pool.records().progress(id);
      if (now.isPresent()) {
        tell(follower, now.get());
      }
    } catch (RequestException e) {
      if (followers.remove(replyTo) == null) {
        return; // it has ended meanwhile, and its follower was told
      }
      throw e;
    }
  }

  void cancel(Front.Request request) throws RequestException {
    StatusRequest wanted = Protocol.readStatusRequest(request.json());
    BuildStatus status =
        cancellation.stop(
            find(wanted, request.namespace()),
            new RequestException(ErrorCode.CANCELLED, "the build was cancelled on request"));
    LOG.info("build {} is to be cancelled, it is {}", status.id(), status.state());
    answer(request.replyTo(), status, false);
  }

  private BuildStatus find(StatusRequest wanted, Optional<String> namespace)
      throws RequestException {
    String key = wanted.key();
    String id =
        key == null
            ? String.valueOf(wanted.id())
            : pool.records().text(BuildRecords.keyKey(key)).orElse("");
    // Another namespace's build is none that the requester may know of.
    return (id.isEmpty() ? Optional.<BuildStatus>empty() : pool.records().progress(id))
        .filter(status -> namespace.isEmpty() || namespace.get().equals(status.namespace()))
        .orElseThrow(() -> notFound(String.valueOf(key == null ? wanted.id() : key)));
  }

  private static RequestException notFound(String build) {
    return new RequestException(
        ErrorCode.BUILD_NOT_FOUND,
        "nothing is known of build " + build + "; what has ended is forgotten after a day");
  }

  private void answer(String replyTo, BuildStatus status, boolean streamed) {
    Headers headers = new Headers().add(Subjects.BUILD_ID_HEADER, status.id());
    if (!pool.replies().last(status.id(), replyTo, streamed, headers, Protocol.write(status))) {
      LOG.warn("who asked for build {} hears nothing", status.id());
    }
  }

  private void changed(String key, byte[] value) {
    if (!followers.isEmpty() && (key.startsWith("build.") || key.startsWith("progress."))) {
      String id = key.substring(key.indexOf('.') + 1);
      for (Follower follower : followers.values()) {
        if (follower.id().equals(id)) {
          try {
            tell(follower, Protocol.read(value, BuildStatus.class));
          } catch (IOException e) {
            LOG.debug("not a status: {}", e.getMessage());
          }
        }
      }
    }
  }

  private void tell(Follower follower, BuildStatus status) {
    if (!status.state().isLast()) {
      if (follower.streamed()) {
        pool.replies().line(follower.replyTo(), status);
      }
    } else if (followers.remove(follower.replyTo()) != null) {
      pool.replies().later(() -> answer(follower.replyTo(), status, follower.streamed()));
    }
  }

  /** The record has expired, without an end. */
  private void tellOfNothing(Follower follower) {
    if (followers.remove(follower.replyTo()) != null) {
      pool.replies().later(() -> fail(follower, notFound(follower.id())));
    }
  }

  private void fail(Follower follower, RequestException why) {
    if (!pool.replies().failure(follower.id(), follower.replyTo(), follower.streamed(), why)) {
      LOG.warn("who follows build {} hears nothing any more", follower.id());
    }
  }

  /** A sign of life, and what was missed. */
  void lookAround() {
    for (Follower follower : followers.values()) {
      try {
        Optional<BuildStatus> now = pool.records().progress(follower.id());
        if (now.isPresent()) {
          tell(follower, now.get());
        } else {
          tellOfNothing(follower);
        }
      } catch (RequestException e) {
        LOG.debug("a follower of {} is told later: {}", follower.id(), e.line());
        return;
      }
    }
  }

  /** Tells those who follow to ask another worker. */
  void close() {
    RequestException draining =
        RequestException.retryAfter(
            ErrorCode.DRAINING,
            "worker " + pool.settings().worker() + " is stopping; ask again",
            500);
    for (Follower follower : followers.values()) {
      fail(follower, draining);
    }
    followers.clear();
  }
}
