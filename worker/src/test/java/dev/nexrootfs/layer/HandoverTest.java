package dev.nexrootfs.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class HandoverTest {
  private static void fill(Handover handover, int times) throws IOException {
    for (int i = 0; i < times; i++) {
      handover.give(handover.empty(), 1);
    }
  }

  private static boolean hasThread() {
    return Thread.getAllStackTraces().keySet().stream()
        .anyMatch(thread -> thread.getName().equals("handover"));
  }

  @Test
  void everythingIsTakenInOrderBeforeFinishReturns() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    byte[] all = new byte[5 << 20];
    random.nextBytes(all);
    ByteArrayOutputStream taken = new ByteArrayOutputStream();
    try (Handover handover = new Handover((bytes, length) -> taken.write(bytes, 0, length))) {
      int position = 0;
      while (position < all.length) {
        byte[] buffer = handover.empty();
        int length = Math.min(random.nextInt(buffer.length + 1), all.length - position);
        System.arraycopy(all, position, buffer, 0, length);
        handover.give(buffer, length);
        position += length;
      }
      handover.finish();
    }
    assertThat(taken.toByteArray()).as("seed %s", seed).isEqualTo(all);
  }

  @Test
  void whatTheTakerThrowsEndsTheMakerAndNothingMoreIsTaken() {
    AtomicInteger calls = new AtomicInteger();
    Handover.Taker full =
        (bytes, length) -> {
          calls.incrementAndGet();
          throw new IOException("no space left");
        };
    assertThatThrownBy(
            () -> {
              try (Handover handover = new Handover(full)) {
                fill(handover, 1_000_000);
              }
            })
        .isInstanceOf(IOException.class)
        .hasMessage("no space left");
    assertThat(calls).hasValue(1);
  }

  @Test
  void faultOfTheTakerInTheLastBytesIsToldByFinish() {
    Handover.Taker faulty =
        (bytes, length) -> {
          throw new IllegalStateException("a fault");
        };
    assertThatThrownBy(
            () -> {
              try (Handover handover = new Handover(faulty)) {
                fill(handover, 1);
                handover.finish();
              }
            })
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void makerIsNeverMoreThanFourBuffersAhead() throws Exception {
    CountDownLatch slow = new CountDownLatch(1);
    Handover.Taker waits =
        (bytes, length) -> {
          try {
            slow.await();
          } catch (InterruptedException e) {
            throw new InterruptedIOException();
          }
        };
    AtomicInteger given = new AtomicInteger();
    try (Handover handover = new Handover(waits)) {
      Thread maker =
          new Thread(
              () -> {
                try {
                  for (int i = 0; i < 5; i++) {
                    byte[] buffer = handover.empty();
                    given.incrementAndGet();
                    handover.give(buffer, 1);
                  }
                } catch (IOException e) {
                  given.set(-1);
                }
              });
      maker.start();
      while (maker.getState() != Thread.State.WAITING) {
        Thread.onSpinWait();
      }
      assertThat(given).hasValue(4);
      slow.countDown();
      maker.join();
      assertThat(given).hasValue(5);
    }
  }

  @Test
  void closeWithoutFinishLeavesNoThread() throws IOException {
    try (Handover handover = new Handover((bytes, length) -> {})) {
      fill(handover, 3);
      assertThat(hasThread()).isTrue();
    }
    assertThat(hasThread()).isFalse();
  }

  @Test
  void interruptEndsTheMakerAndIsKept() {
    try (Handover handover = new Handover((bytes, length) -> {})) {
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> fill(handover, 1)).isInstanceOf(InterruptedIOException.class);
      assertThat(Thread.interrupted()).isTrue();
    }
  }
}
