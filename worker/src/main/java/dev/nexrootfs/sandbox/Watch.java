package dev.nexrootfs.sandbox;

import dev.nexrootfs.sandbox.ScriptException.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
import java.util.regex.Pattern;

/**
 * Looks after a script that runs: reads what it says, and looks twenty times a second at its
 * processes, their memory and its disk. Whoever passes a limit is not asked to end.
 */
final class Watch {
  private static final long LOOK_MILLIS = 50;
  private static final long OUTPUT_SECONDS = 10;

  /** So much of what it said stands in an error's message. */
  private static final int MAX_TAIL = 1500;

  private static final int BUFFER_BYTES = 1 << 15;

  /** As bash, busybox and perl say it, and as dash does. */
  private static final Pattern FORK_FAILED =
      Pattern.compile("(?i)fork.*: Resource temporarily unavailable|cannot fork");

  private final ScriptLimits limits;
  private final ScriptOutput output;
  private final LongSupplier diskBytes;
  private final int ownProcesses;

  /**
   * A watch over one script.
   *
   * @param diskBytes what is on the script's disk
   * @param ownProcesses how many of the processes are the sandbox's
   */
  Watch(ScriptLimits limits, ScriptOutput output, LongSupplier diskBytes, int ownProcesses) {
    this.limits = limits;
    this.output = output;
    this.diskBytes = diskBytes;
    this.ownProcesses = ownProcesses;
  }

  /**
   * Watches {@code process} until it ends.
   *
   * @return its exit status
   * @throws ScriptException where a limit is passed; ending the processes is the caller's
   */
  int over(Process process) throws IOException {
    long before = diskBytes.getAsLong();
    Thread reader = Step.thread("script-output", () -> read(process.getInputStream()));
    long end = System.nanoTime() + limits.wallClock().toNanos();
    try {
      while (!process.waitFor(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
        output.beat();
        if (System.nanoTime() > end) {
          String late = "did not end within " + limits.wallClock().toSeconds() + " s";
          // The kernel's limit is higher than ours; what runs into it can be gone before we look.
          throw sawForkFail()
              ? failure(Reason.PROCESSES, "the script got no more processes, and " + late)
              : over(Reason.TIMED_OUT, late);
        }
        look(process.pid(), before);
      }
      reader.join(TimeUnit.SECONDS.toMillis(OUTPUT_SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while a script ran", e);
    }
    checkOutput();
    checkDisk(before);
    return process.exitValue();
  }

  private void look(long pid, long diskBefore) throws IOException {
    checkOutput();
    checkDisk(diskBefore);
    List<Long> processes = ProcessTable.read().descendants(pid);
    if (processes.size() - ownProcesses > limits.processes()) {
      throw over(Reason.PROCESSES, "has more than " + limits.processes() + " processes");
    }
    ToLongFunction<Long> memory = ProcessTable::memory;
    if (processes.stream().mapToLong(memory).sum() > limits.memoryBytes()) {
      throw over(Reason.MEMORY, "takes more than " + limits.memoryBytes() + " bytes of memory");
    }
  }

  /** Whether a shell has said, lately, that it got no process. */
  boolean sawForkFail() {
    return FORK_FAILED.matcher(output.tail()).find();
  }

  private void checkOutput() throws ScriptException {
    if (output.bytes() > limits.outputBytes()) {
      throw over(Reason.OUTPUT, "said more than " + limits.outputBytes() + " bytes");
    }
  }

  private void checkDisk(long before) throws ScriptException {
    if (diskBytes.getAsLong() - before > limits.diskBytes()) {
      throw over(
          Reason.DISK,
          "wrote more than "
              + limits.diskBytes()
              + " bytes to its files, /tmp and /run among them");
    }
  }

  /** What a script that passed a limit is told. */
  private ScriptException over(Reason reason, String what) {
    return failure(reason, "the script " + what + ", which is this worker's limit");
  }

  /** A failure with the end of what the script said. */
  ScriptException failure(Reason reason, String what) {
    String all = output.tail();
    String tail = all.substring(Math.max(0, all.length() - MAX_TAIL));
    return new ScriptException(
        reason, tail.isEmpty() ? what + "; it said nothing" : what + "; it said at last:\n" + tail);
  }

  private void read(InputStream from) {
    byte[] buffer = new byte[BUFFER_BYTES];
    try {
      for (int got = from.read(buffer); got >= 0; got = from.read(buffer)) {
        // Past the limit it is only read until the watch looks, so that nothing is kept.
        if (output.bytes() <= limits.outputBytes()) {
          output.add(buffer, got);
        } else {
          ProcessTable.pause();
        }
      }
    } catch (IOException e) {
      byte[] message =
          ("the output cannot be read: " + e.getMessage())
              .getBytes(java.nio.charset.StandardCharsets.UTF_8);
      output.add(message, message.length);
    }
    output.end();
  }
}
