package dev.nexrootfs.oracle;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * A way to a server that loses one answer: when a client has sent a message to a given subject, the
 * message goes on, what the server says does not, and the connection ends. After that the way is
 * clear.
 */
public final class CuttingProxy implements AutoCloseable {
  private static final long SILENCE_MILLIS = 700;

  private final ServerSocket listener;
  private final URI server;
  private final String subject;
  private final AtomicBoolean cut = new AtomicBoolean();

  /**
   * A proxy to {@code server} that cuts after the first message whose line begins with {@code PUB
   * subject}.
   */
  public CuttingProxy(String server, String subject) throws IOException {
    this.server = URI.create(server);
    this.subject = "PUB " + subject;
    this.listener = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
    start(this::accept);
  }

  /** Where it listens. */
  public String url() {
    return "nats://127.0.0.1:" + listener.getLocalPort();
  }

  /** Whether an answer was lost. */
  public boolean hasCut() {
    return cut.get();
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        Socket upstream = new Socket(server.getHost(), server.getPort());
        AtomicBoolean silent = new AtomicBoolean();
        start(() -> forward(client, upstream, silent));
        start(() -> answer(upstream, client, silent));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void forward(Socket client, Socket upstream, AtomicBoolean silent) {
    try (client;
        upstream) {
      byte[] buffer = new byte[1 << 16];
      InputStream in = client.getInputStream();
      OutputStream out = upstream.getOutputStream();
      for (int got = in.read(buffer); got >= 0; got = in.read(buffer)) {
        boolean hit = new String(buffer, 0, got, StandardCharsets.ISO_8859_1).contains(subject);
        boolean last = hit && cut.compareAndSet(false, true);
        silent.compareAndSet(false, last);
        out.write(buffer, 0, got);
        out.flush();
        if (last) {
          LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(SILENCE_MILLIS));
          return;
        }
      }
    } catch (IOException e) {
      return;
    }
  }

  private static void answer(Socket upstream, Socket client, AtomicBoolean silent) {
    try {
      byte[] buffer = new byte[1 << 16];
      InputStream in = upstream.getInputStream();
      for (int got = in.read(buffer); got >= 0; got = in.read(buffer)) {
        if (!silent.get()) {
          client.getOutputStream().write(buffer, 0, got);
        }
      }
      client.close();
    } catch (IOException e) {
      return;
    }
  }

  private static void start(Runnable task) {
    Thread thread = new Thread(task, "cutting-proxy");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
