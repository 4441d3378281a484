package dev.nexrootfs.registry;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * A server on loopback that answers each request with what a test has laid down for it, and
 * remembers what was asked. It can do what no registry should.
 */
public final class ScriptedRegistry implements AutoCloseable {
  private final HttpServer server;
  private final boolean tls;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Map<String, Deque<Reply>> replies = new ConcurrentHashMap<>();
  private final List<Seen> seen = new CopyOnWriteArrayList<>();

  /** A request that came. */
  public record Seen(String method, String path, Headers headers, String body) {
    /** The first value of a header. */
    public Optional<String> header(String name) {
      return Optional.ofNullable(headers.getFirst(name));
    }
  }

  /** How one request is answered. */
  @FunctionalInterface
  public interface Reply {
    /** Sends it. */
    void send(HttpExchange exchange) throws IOException, InterruptedException;
  }

  private ScriptedRegistry(@Nullable SSLContext context) throws IOException {
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    tls = context != null;
    if (context == null) {
      server = HttpServer.create(address, 0);
    } else {
      HttpsServer https = HttpsServer.create(address, 0);
      https.setHttpsConfigurator(
          new HttpsConfigurator(context) {
            @Override
            public void configure(com.sun.net.httpserver.HttpsParameters parameters) {
              javax.net.ssl.SSLParameters wanted = context.getDefaultSSLParameters();
              wanted.setWantClientAuth(true);
              parameters.setSSLParameters(wanted);
            }
          });
      server = https;
    }
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
  }

  /** A server without TLS. */
  public static ScriptedRegistry start() throws IOException {
    return new ScriptedRegistry(null);
  }

  /** A server with TLS. */
  public static ScriptedRegistry start(SSLContext context) throws IOException {
    return new ScriptedRegistry(context);
  }

  private void answer(HttpExchange exchange) throws IOException {
    String target = exchange.getRequestURI().toString();
    String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    Headers headers = new Headers();
    headers.putAll(exchange.getRequestHeaders());
    seen.add(new Seen(exchange.getRequestMethod(), target, headers, body));
    Deque<Reply> script = replies.get(exchange.getRequestMethod() + " " + target);
    if (script == null) {
      script = replies.get(exchange.getRequestMethod() + " " + target.replaceFirst("[?].*", ""));
    }
    Reply reply = status(404);
    if (script != null) {
      synchronized (script) {
        reply = script.size() > 1 ? script.removeFirst() : script.getFirst();
      }
    }
    try (exchange) {
      reply.send(exchange);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Lays down the answers to {@code request}, like {@code GET /v2/a}; the last one stays. */
  public ScriptedRegistry on(String request, Reply... answers) {
    replies.put(request, new ArrayDeque<>(Arrays.asList(answers)));
    return this;
  }

  /** Host and port, as references name them. */
  public String host() {
    return "127.0.0.1:" + server.getAddress().getPort();
  }

  /** The URL of {@code path}. */
  public String url(String path) {
    return (tls ? "https://" : "http://") + host() + path;
  }

  /** All that was asked. */
  public List<Seen> seen() {
    return seen;
  }

  /** What was asked of {@code path}, without its query, by {@code method}. */
  public List<Seen> seen(String method, String path) {
    return seen.stream()
        .filter(
            one -> one.method().equals(method) && one.path().replaceFirst("[?].*", "").equals(path))
        .toList();
  }

  /** Only a status, and headers in pairs. */
  public static Reply status(int status, String... headers) {
    return exchange -> {
      add(exchange, headers);
      exchange.sendResponseHeaders(status, -1);
    };
  }

  /** A status, a body, and headers in pairs. */
  public static Reply body(int status, byte[] body, String... headers) {
    return exchange -> {
      add(exchange, headers);
      if (exchange.getRequestMethod().equals("HEAD")) {
        exchange.getResponseHeaders().set("Content-Length", Integer.toString(body.length));
        exchange.sendResponseHeaders(status, -1);
        return;
      }
      exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
      exchange.getResponseBody().write(body);
    };
  }

  /** A body of text. */
  public static Reply text(int status, String text, String... headers) {
    return body(status, text.getBytes(StandardCharsets.UTF_8), headers);
  }

  /** The bytes that the request's Range asks for, or all. */
  public static Reply ranged(byte[] body) {
    return exchange -> {
      int from = from(exchange);
      if (from > 0) {
        exchange
            .getResponseHeaders()
            .set("Content-Range", "bytes " + from + "-" + (body.length - 1) + "/" + body.length);
      }
      exchange.sendResponseHeaders(from > 0 ? 206 : 200, body.length - from);
      exchange.getResponseBody().write(body, from, body.length - from);
    };
  }

  /** Sends a little again and again, until the client has enough of it. */
  public static Reply dripping() {
    return exchange -> {
      exchange.sendResponseHeaders(200, 0);
      try (OutputStream out = exchange.getResponseBody()) {
        while (true) {
          out.write(new byte[200]);
          out.flush();
          Thread.sleep(20);
        }
      }
    };
  }

  /** Promises {@code body} from where the Range says, and ends the connection after some bytes. */
  public static Reply cut(byte[] body, int bytes) {
    return exchange -> {
      begin(exchange, body, bytes);
      exchange.close();
    };
  }

  /**
   * The same, but the connection breaks only when the gate opens: the JDK's client drops what it
   * has received and nobody has read yet, so that a test opens it when it has read those bytes.
   */
  public static Reply cutWhen(CountDownLatch gate, byte[] body, int bytes) {
    return exchange -> {
      begin(exchange, body, bytes);
      gate.await();
      exchange.close();
    };
  }

  /** A body of which some bytes come, and then nothing any more. */
  public Reply stalled(byte[] body, int bytes) {
    return exchange -> {
      begin(exchange, body, bytes);
      exchange.getResponseBody().flush();
      closing.await();
    };
  }

  private static void begin(HttpExchange exchange, byte[] body, int bytes) throws IOException {
    int from = from(exchange);
    if (from > 0) {
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes " + from + "-" + (body.length - 1) + "/" + body.length);
    }
    exchange.sendResponseHeaders(from > 0 ? 206 : 200, body.length - from);
    exchange.getResponseBody().write(body, from, Math.min(bytes, body.length - from));
    exchange.getResponseBody().flush();
  }

  private static int from(HttpExchange exchange) {
    String range = exchange.getRequestHeaders().getFirst("Range");
    return range == null ? 0 : Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
  }

  private static void add(HttpExchange exchange, String... headers) {
    for (int i = 0; i < headers.length; i += 2) {
      exchange.getResponseHeaders().add(headers[i], headers[i + 1]);
    }
  }

  @Override
  public void close() {
    closing.countDown();
    server.stop(0);
    threads.shutdownNow();
  }
}
