package dev.nexrootfs.cli;

import dev.nexrootfs.protocol.BuildEvent;
import dev.nexrootfs.protocol.CloudEvent;
import dev.nexrootfs.protocol.Protocol;
import io.nats.client.Message;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** What the events say of one build, as a line for whoever looks on. */
final class BuildWatch {
  private final String id;
  private final ProgressLine line;
  private final AtomicReference<@Nullable BuildEvent> failure = new AtomicReference<>();
  private final AtomicLong heard = new AtomicLong(System.nanoTime());

  /** Watches build {@code id}. */
  BuildWatch(String id, ProgressLine line) {
    this.id = id;
    this.line = line;
  }

  void onMessage(Message message) {
    try {
      BuildEvent event = Protocol.read(message.getData(), CloudEvent.class).data();
      if (event != null && id.equals(event.id())) {
        heard.set(System.nanoTime());
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

  /** The event that told of a failure. */
  Optional<BuildEvent> failure() {
    return Optional.ofNullable(failure.get());
  }

  /** Whether nothing was heard for {@code time}, which then begins anew. */
  boolean silentFor(Duration time) {
    long now = System.nanoTime();
    long last = heard.get();
    return now - last > time.toNanos() && heard.compareAndSet(last, now);
  }
}
