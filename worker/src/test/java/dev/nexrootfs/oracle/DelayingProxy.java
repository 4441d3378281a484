package dev.nexrootfs.oracle;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.util.Arrays;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A way to a server on which everything takes a while, in either direction, at full bandwidth. */
public final class DelayingProxy implements AutoCloseable {
  private static final int BUFFER = 1 << 16;
  private static final int IN_FLIGHT = 4096;

  private final ServerSocket listener;
  private final URI server;
  private final long nanos;

  private record Piece(byte[] bytes, long due) {}

  /** A way to {@code server} with {@code oneWayMillis} in each direction. */
  public DelayingProxy(String server, long oneWayMillis) throws IOException {
    this.server = URI.create(server);
    this.nanos = TimeUnit.MILLISECONDS.toNanos(oneWayMillis);
    this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    daemon(this::accept);
  }

  /** Where clients connect to. */
  public String url() {
    return "nats://127.0.0.1:" + listener.getLocalPort();
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listener.accept();
        Socket target = new Socket(InetAddress.getLoopbackAddress(), server.getPort());
        client.setTcpNoDelay(true);
        target.setTcpNoDelay(true);
        pump(client, target);
        pump(target, client);
      }
    } catch (IOException e) {
      return; // closed
    }
  }

  private void pump(Socket from, Socket to) {
    BlockingQueue<Piece> pieces = new ArrayBlockingQueue<>(IN_FLIGHT);
    daemon(
        () -> {
          try (InputStream in = from.getInputStream()) {
            byte[] buffer = new byte[BUFFER];
            for (int got = in.read(buffer); got >= 0; got = in.read(buffer)) {
              pieces.put(new Piece(Arrays.copyOf(buffer, got), System.nanoTime() + nanos));
            }
            throw new EOFException();
          } catch (IOException | InterruptedException e) {
            close(to);
          }
        });
    daemon(
        () -> {
          try (OutputStream out = to.getOutputStream()) {
            while (true) {
              Piece piece = pieces.take();
              for (long wait = piece.due() - System.nanoTime();
                  wait > 0;
                  wait = piece.due() - System.nanoTime()) {
                LockSupport.parkNanos(wait);
              }
              out.write(piece.bytes());
            }
          } catch (IOException | InterruptedException e) {
            close(from);
          }
        });
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static void daemon(Runnable work) {
    Thread thread = new Thread(work, "delay");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
