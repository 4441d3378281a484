package dev.nexrootfs.service;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nexrootfs.protocol.ErrorBody;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Protocol;
import dev.nexrootfs.protocol.Subjects;
import dev.nexrootfs.store.Buckets;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Subscription;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A service that is full, that stops, or that has no bucket. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BuildSlotsIT {
  private final ServiceFixture fixture;

  BuildSlotsIT(@TempDir Path directory) throws Exception {
    fixture = new ServiceFixture(directory);
  }

  @AfterAll
  void stop() throws Exception {
    fixture.close();
  }

  @Test
  void missingBucketOfTheWorkerIsNamedInTheReply() throws Exception {
    Subjects other = new Subjects("other" + NUID.nextGlobal());
    BuildService without = fixture.service(other, "MISSING", 1, 1);
    without.start();
    Message answer =
        fixture.client.request(
            other.build(),
            ServiceFixture.json("{\"image\":\"" + fixture.base() + "\",\"guest\":\"plain\"}"),
            ServiceFixture.PATIENCE);
    assertThat(Protocol.read(answer.getData(), ErrorBody.class).error().code())
        .isEqualTo(ErrorCode.NO_BUCKET);
    without.stop();
  }

  @Test
  void fullQueueIsAnErrorWithATimeToComeBack() throws Exception {
    Subjects busy = new Subjects("busy" + NUID.nextGlobal());
    BuildService narrow = fixture.service(busy, fixture.bucket, 1, 1);
    narrow.start();
    Subscription answers = fixture.client.subscribe("_INBOX.busy");
    for (int i = 0; i < 12; i++) {
      fixture.client.publish(
          busy.build(),
          "_INBOX.busy",
          ServiceFixture.json(
              "{\"image\":\""
                  + fixture.base()
                  + "\",\"guest\":\"plain\",\"size\":"
                  + (300_000_000 + i * 4096)
                  + "}"));
    }
    int built = 0;
    int refused = 0;
    for (int i = 0; i < 12; i++) {
      Message answer = answers.nextMessage(ServiceFixture.PATIENCE);
      if (answer.getHeaders().containsKey(Subjects.ERROR_HEADER)) {
        ErrorBody.Detail error = Protocol.read(answer.getData(), ErrorBody.class).error();
        assertThat(error.code()).isEqualTo(ErrorCode.BUSY);
        assertThat(error.retry()).isTrue();
        assertThat(error.retryAfterMs()).isPositive();
        refused++;
      } else {
        built++;
      }
    }
    assertThat(built).isBetween(2, 11);
    assertThat(refused).isEqualTo(12 - built);
    narrow.stop();
  }

  @Test
  void requestsThatAStoppingWorkerDoesNotReachAreTold() throws Exception {
    // What it was building goes on for a moment, so it has a fixture.bucket of its own.
    String own = "HASTY" + NUID.nextGlobal();
    new Buckets(fixture.store).create(own, "images", -1, 1);
    Subjects stopping = new Subjects("hasty" + NUID.nextGlobal());
    BuildService worker = fixture.service(stopping, own, 1, 8, Duration.ofMillis(1));
    worker.start();
    Subscription answers = fixture.client.subscribe("_INBOX.hasty");
    for (int i = 0; i < 4; i++) {
      fixture.client.publish(
          stopping.build(),
          "_INBOX.hasty",
          ServiceFixture.json(
              "{\"image\":\""
                  + fixture.base()
                  + "\",\"guest\":\"plain\",\"size\":"
                  + (220_000_000 + i * 4096)
                  + "}"));
    }
    fixture.client.flush(ServiceFixture.PATIENCE);
    assertThat(worker.stop()).isFalse();
    int told = 0;
    for (int i = 0; i < 4; i++) {
      Message answer = answers.nextMessage(ServiceFixture.PATIENCE);
      assertThat(answer).isNotNull();
      if (answer.getHeaders().containsKey(Subjects.ERROR_HEADER)) {
        assertThat(Protocol.read(answer.getData(), ErrorBody.class).error().code())
            .isEqualTo(ErrorCode.DRAINING);
        told++;
      }
    }
    assertThat(told).isPositive();
    assertThat(answers.nextMessage(Duration.ofMillis(300))).isNull();
  }

  @Test
  void stoppingAnswersWhatWasAccepted() throws Exception {
    Subjects stopping = new Subjects("stopping" + NUID.nextGlobal());
    BuildService worker = fixture.service(stopping, fixture.bucket, 1, 8);
    worker.start();
    Subscription answers = fixture.client.subscribe("_INBOX.stopping");
    for (int i = 0; i < 4; i++) {
      fixture.client.publish(
          stopping.build(),
          "_INBOX.stopping",
          ServiceFixture.json(
              "{\"image\":\""
                  + fixture.base()
                  + "\",\"guest\":\"plain\",\"size\":"
                  + (200_000_000 + i * 4096)
                  + "}"));
    }
    Subscription started = fixture.client.subscribe("$NEX.events.default.rootfs_build_started");
    fixture.client.flush(ServiceFixture.PATIENCE);
    worker.stop();
    for (int i = 0; i < 4; i++) {
      Message answer = answers.nextMessage(ServiceFixture.PATIENCE);
      assertThat(answer).isNotNull();
      assertThat(answer.getHeaders().containsKey(Subjects.ERROR_HEADER)).isFalse();
    }
    started.unsubscribe();
  }
}
