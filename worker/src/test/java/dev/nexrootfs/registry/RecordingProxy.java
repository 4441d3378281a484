package dev.nexrootfs.registry;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * An HTTP proxy that answers CONNECT for any host with a tunnel to one port of this machine, and
 * keeps the heads of the requests.
 */
final class RecordingProxy implements AutoCloseable {
  private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final List<String> heads = new CopyOnWriteArrayList<>();
  private final int target;

  RecordingProxy(int target) throws IOException {
    this.target = target;
    threads.execute(this::serve);
  }

  String url(String credentials) {
    return "http://" + credentials + "127.0.0.1:" + socket.getLocalPort();
  }

  List<String> heads() {
    return heads;
  }

  private void serve() {
    try {
      while (true) {
        Socket client = socket.accept();
        threads.execute(() -> tunnel(client));
      }
    } catch (IOException e) {
      return; // closed
    }
  }

  private void tunnel(Socket client) {
    try (client;
        Socket server = new Socket(InetAddress.getLoopbackAddress(), target)) {
      BufferedReader in =
          new BufferedReader(
              new InputStreamReader(client.getInputStream(), StandardCharsets.ISO_8859_1), 1);
      StringBuilder head = new StringBuilder();
      for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
        head.append(line).append('\n');
      }
      heads.add(head.toString());
      OutputStream out = client.getOutputStream();
      out.write("HTTP/1.1 200 OK\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
      out.flush();
      threads.execute(
          () -> {
            try {
              client.getInputStream().transferTo(server.getOutputStream());
              server.shutdownOutput();
            } catch (IOException e) {
              heads.add("broken off");
            }
          });
      server.getInputStream().transferTo(out);
    } catch (IOException e) {
      heads.add("broken off");
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
    threads.shutdownNow();
  }
}
