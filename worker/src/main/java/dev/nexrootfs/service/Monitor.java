package dev.nexrootfs.service;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.nexrootfs.build.CacheUse;
import io.nats.client.Connection;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * A worker over HTTP, for whoever watches and restarts it: {@code /healthz} while the process works
 * at all, {@code /readyz} while it takes jobs, {@code /metrics} in Prometheus's text format 0.0.4.
 */
final class Monitor implements AutoCloseable {
  private static final String PREFIX = "nex_rootfs_";

  private final Figures figures;
  private final Connection front;
  private final Connection store;

  /** Why no job can be taken; empty where they can. */
  private final Supplier<String> trouble;

  private final HttpServer server;
  private final ExecutorService thread =
      Executors.newSingleThreadExecutor(task -> new Thread(task, "http"));

  /** Listens at {@code address} from here on. */
  Monitor(
      InetSocketAddress address,
      Figures figures,
      Connection front,
      Connection store,
      Supplier<String> trouble)
      throws IOException {
    this.figures = figures;
    this.front = front;
    this.store = store;
    this.trouble = trouble;
    this.server = HttpServer.create(address, 0);
    server.createContext("/healthz", exchange -> answer(exchange, 200, "ok\n"));
    server.createContext("/readyz", this::ready);
    server.createContext("/metrics", exchange -> answer(exchange, 200, metrics()));
    server.setExecutor(thread);
    server.start();
  }

  int port() {
    return server.getAddress().getPort();
  }

  private void ready(HttpExchange exchange) throws IOException {
    String why = "";
    if (figures.snapshot().draining()) {
      why = "draining";
    } else if (front.getStatus() != Connection.Status.CONNECTED) {
      why = "the connection to requesters is " + front.getStatus();
    } else if (store.getStatus() != Connection.Status.CONNECTED) {
      why = "the connection to JetStream is " + store.getStatus();
    } else {
      why = trouble.get();
    }
    answer(exchange, why.isEmpty() ? 200 : 503, why.isEmpty() ? "ready\n" : why + "\n");
  }

  private String metrics() {
    Figures.Snapshot now = figures.snapshot();
    StringBuilder text = new StringBuilder();
    gauge(text, "capacity", "builds at once", now.capacity());
    gauge(text, "running", "builds now", now.running());
    gauge(text, "waiting", "requests that wait for the build of another", now.waiting());
    gauge(text, "draining", "whether the worker is stopping", now.draining() ? 1 : 0);
    counter(text, "requests_total", "requests received", now.requests());
    counter(text, "built_total", "images built and stored", now.built());
    counter(text, "hits_total", "requests answered by an image that was there", now.hits());
    counter(text, "joined_total", "requests answered by the build of another", now.joined());
    counter(text, "failed_total", "builds that ended in an error", now.failed());
    counter(text, "cancelled_total", "builds stopped on request", now.cancelled());
    counter(text, "refused_total", "requests that were never queued", now.refused());
    counter(text, "handed_back_total", "jobs given to another worker", now.handedBack());
    counter(text, "unheard_total", "answers that nobody waited for", now.unheard());
    counter(text, "stored_bytes_total", "bytes of images stored", now.bytes());
    CacheUse cache = now.cache();
    if (cache != null) {
      gauge(text, "cache_limit_bytes", "bytes that the cache may have", cache.limit());
      gauge(text, "cache_bytes", "bytes in the cache of this machine", cache.bytes());
      counter(text, "cache_found_total", "blobs and layers found in the cache", cache.found());
      counter(text, "cache_missed_total", "blobs and layers not found there", cache.missed());
      counter(text, "cache_evicted_total", "files let go to make room", cache.evicted());
    }
    head(text, "phase_seconds_total", "time by phase, of all that was built", "counter");
    for (Map.Entry<String, Long> phase : now.phaseMillis().entrySet()) {
      text.append(PREFIX)
          .append("phase_seconds_total{phase=\"")
          .append(phase.getKey())
          .append("\"} ")
          .append(String.format(Locale.ROOT, "%.3f", phase.getValue() / 1000.0))
          .append('\n');
    }
    return text.toString();
  }

  private static void gauge(StringBuilder text, String name, String help, long value) {
    head(text, name, help, "gauge");
    text.append(PREFIX).append(name).append(' ').append(value).append('\n');
  }

  private static void counter(StringBuilder text, String name, String help, long value) {
    head(text, name, help, "counter");
    text.append(PREFIX).append(name).append(' ').append(value).append('\n');
  }

  private static void head(StringBuilder text, String name, String help, String type) {
    text.append("# HELP ").append(PREFIX).append(name).append(' ').append(help).append('\n');
    text.append("# TYPE ").append(PREFIX).append(name).append(' ').append(type).append('\n');
  }

  private static void answer(HttpExchange exchange, int status, String text) throws IOException {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    exchange.sendResponseHeaders(status, body.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(body);
    }
  }

  @Override
  public void close() {
    server.stop(0);
    thread.shutdown();
  }
}
