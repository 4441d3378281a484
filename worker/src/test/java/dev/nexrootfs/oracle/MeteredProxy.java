package dev.nexrootfs.oracle;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A way to a server that counts what the server sends, cuts the connection after each so many bytes
 * of it, and lets something happen at one of them.
 */
public final class MeteredProxy implements AutoCloseable {
  private static final int PIECE = 1 << 16;

  private final ServerSocket listener;
  private final URI server;
  private final long cutEach;
  private final AtomicLong bytes = new AtomicLong();
  private final AtomicInteger connections = new AtomicInteger();
  private Event next = new Event(Long.MAX_VALUE, () -> {});

  /** What happens when so many bytes have come; the rest waits for it. */
  private record Event(long at, Runnable action) {}

  /**
   * A proxy to {@code server}.
   *
   * @param cutEach bytes of a connection after which it ends; 0 for never
   */
  public MeteredProxy(String server, long cutEach) throws IOException {
    this.server = URI.create(server);
    this.cutEach = cutEach == 0 ? Long.MAX_VALUE : cutEach;
    this.listener = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
    start(this::accept);
  }

  /** Where it listens. */
  public String url() {
    return "nats://127.0.0.1:" + listener.getLocalPort();
  }

  /** Bytes that the server has sent since the last {@link #reset}. */
  public long bytes() {
    return bytes.get();
  }

  /** Connections that were made since the last {@link #reset}. */
  public int connections() {
    return connections.get();
  }

  /** Counts from nothing again. */
  public void reset() {
    bytes.set(0);
    connections.set(0);
  }

  /** Does {@code action} once, before what is beyond {@code at} bytes goes on. */
  public synchronized void at(long at, Runnable action) {
    next = new Event(at, action);
  }

  private synchronized Runnable takeAction(long all) {
    Runnable action = all >= next.at() ? next.action() : () -> {};
    if (all >= next.at()) {
      next = new Event(Long.MAX_VALUE, () -> {});
    }
    return action;
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        connections.incrementAndGet();
        start(() -> connect(client));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void connect(Socket client) {
    try (client;
        Socket upstream = new Socket(server.getHost(), server.getPort())) {
      start(() -> forward(client, upstream));
      answer(upstream, client);
    } catch (IOException e) {
      return;
    }
  }

  private static void forward(Socket client, Socket upstream) {
    try (client;
        upstream) {
      client.getInputStream().transferTo(upstream.getOutputStream());
    } catch (IOException e) {
      return;
    }
  }

  private void answer(Socket upstream, Socket client) throws IOException {
    byte[] buffer = new byte[PIECE];
    InputStream in = upstream.getInputStream();
    OutputStream out = client.getOutputStream();
    long here = 0;
    for (int got = in.read(buffer); got >= 0; got = in.read(buffer)) {
      long all = bytes.addAndGet(got);
      takeAction(all).run();
      out.write(buffer, 0, got);
      here += got;
      if (here >= cutEach) {
        return;
      }
    }
  }

  private static void start(Runnable task) {
    Thread thread = new Thread(task, "metered-proxy");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
