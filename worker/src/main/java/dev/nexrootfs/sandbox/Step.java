package dev.nexrootfs.sandbox;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A program of this machine that is run for the sandbox: with a few variables of our own and none
 * of the worker's, and nothing open but its three streams.
 */
final class Step implements Closeable {
  private static final int BUFFER_BYTES = 1 << 16;
  private static final int MAX_COMPLAINT = 2000;
  private static final long END_SECONDS = 30;

  private final String name;
  private final Process process;
  private final ByteArrayOutputStream complaint = new ByteArrayOutputStream();
  private @Nullable Thread listener;

  private Step(String name, Process process) {
    this.name = name;
    this.process = process;
  }

  /** How a program starts whose words are {@code words}. */
  static ProcessBuilder builder(List<String> words) {
    ProcessBuilder builder = new ProcessBuilder(words).directory(new java.io.File("/"));
    builder.environment().clear();
    builder
        .environment()
        .put("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    builder.environment().put("LC_ALL", "C");
    return builder;
  }

  /** Starts a program whose complaints are kept. */
  static Step start(String name, List<String> words) throws IOException {
    Step step = new Step(name, builder(words).start());
    InputStream from = step.process.getErrorStream();
    step.listener = thread("sandbox-complaints", () -> step.listen(from));
    return step;
  }

  /**
   * Runs a program to its end.
   *
   * @param name how messages call it
   * @param input writes what it reads
   * @param output takes what it writes
   * @throws IOException where it ends with another status than 0; the message has its complaint
   */
  static void run(
      String name, List<String> words, ScriptSandbox.ArchiveWriter input, OutputStream output)
      throws IOException {
    try (Step step = start(name, words)) {
      Feed feed = new Feed(input, step.process.getOutputStream());
      Thread feeder = thread("sandbox-input", feed::run);
      InputStream from = step.process.getInputStream();
      byte[] buffer = new byte[BUFFER_BYTES];
      for (int got = from.read(buffer); got >= 0; got = from.read(buffer)) {
        output.write(buffer, 0, got);
      }
      join(feeder);
      int status = step.await();
      if (feed.failure != null) {
        throw feed.failure;
      }
      if (status != 0) {
        throw new IOException("the sandbox could not " + name + ": " + step.complaint(status));
      }
    }
  }

  /** Runs a program that reads nothing; what it writes. */
  static String run(String name, List<String> words) throws IOException {
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    run(name, words, out -> {}, output);
    return output.toString(StandardCharsets.UTF_8);
  }

  Process process() {
    return process;
  }

  /** Waits for the end; the exit status. */
  int await() throws IOException {
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        throw new IOException("the sandbox did not " + name + " in " + END_SECONDS + " s");
      }
      if (listener != null) {
        listener.join(TimeUnit.SECONDS.toMillis(END_SECONDS));
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while the sandbox was to " + name, e);
    }
  }

  /** What it complained of, with its exit status. */
  String complaint(int status) {
    synchronized (complaint) {
      byte[] bytes = complaint.toByteArray();
      String text = new String(bytes, StandardCharsets.UTF_8);
      return text.replaceAll("\\p{Cntrl}+", " ").strip() + " (exit status " + status + ")";
    }
  }

  private void listen(InputStream from) {
    byte[] buffer = new byte[1024];
    try {
      for (int got = from.read(buffer); got >= 0; got = from.read(buffer)) {
        synchronized (complaint) {
          int left = Math.max(0, MAX_COMPLAINT - complaint.size());
          complaint.writeBytes(Arrays.copyOf(buffer, Math.min(got, left)));
        }
      }
    } catch (IOException e) {
      synchronized (complaint) {
        complaint.writeBytes((" " + e).getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  static Thread thread(String name, Runnable work) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  static void join(Thread thread) throws IOException {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while a sandbox was at work", e);
    }
  }

  /** Ends a program and waits for its end, as long as that takes a program without a choice. */
  static void end(Process process) throws IOException {
    try {
      if (!process.destroyForcibly().waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        throw new IOException("process " + process.pid() + " does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while process " + process.pid() + " was to end", e);
    }
  }

  @Override
  public void close() throws IOException {
    end(process);
  }

  /** Writes what a program reads. */
  private static final class Feed {
    private final ScriptSandbox.ArchiveWriter input;
    private final OutputStream to;
    private @Nullable IOException failure;

    Feed(ScriptSandbox.ArchiveWriter input, OutputStream to) {
      this.input = input;
      this.to = to;
    }

    void run() {
      try (OutputStream out = new java.io.BufferedOutputStream(new Pipe(to), BUFFER_BYTES)) {
        input.writeTo(out);
      } catch (ClosedPipeException e) {
        // The program has ended before its input: its status and its complaint say more.
        failure = null;
      } catch (IOException e) {
        failure = e;
      }
    }
  }

  /** A program closed its input. */
  private static final class ClosedPipeException extends IOException {
    private static final long serialVersionUID = 1L;

    ClosedPipeException(IOException cause) {
      super(cause);
    }
  }

  /** Tells a closed pipe from an input that cannot be read. */
  private static final class Pipe extends OutputStream {
    private final OutputStream to;

    Pipe(OutputStream to) {
      this.to = to;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      try {
        to.write(bytes, offset, length);
      } catch (IOException e) {
        throw new ClosedPipeException(e);
      }
    }

    @Override
    public void flush() throws IOException {
      try {
        to.flush();
      } catch (IOException e) {
        throw new ClosedPipeException(e);
      }
    }

    @Override
    public void close() throws IOException {
      try {
        to.close();
      } catch (IOException e) {
        throw new ClosedPipeException(e);
      }
    }
  }
}
