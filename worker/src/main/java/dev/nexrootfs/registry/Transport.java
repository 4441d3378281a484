package dev.nexrootfs.registry;

import dev.nexrootfs.tls.PemFiles;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.security.GeneralSecurityException;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import javax.net.ssl.SSLException;

/**
 * Single HTTP requests, with the TLS settings of the host that each goes to, and redirects followed
 * by the rules of this package. HTTP/1.1: a connection for each download, so that closing one that
 * stands still frees it, and no other shares its fate.
 */
final class Transport implements Closeable {
  private static final int MAX_REDIRECTS = 10;

  static {
    // The JDK shows a proxy no password for a tunnel unless it is told to, before its first use.
    if (System.getProperty("jdk.http.auth.tunneling.disabledSchemes") == null) {
      System.setProperty("jdk.http.auth.tunneling.disabledSchemes", "");
    }
  }

  private final RegistrySettings settings;
  private final ProxyEnvironment proxies;
  private final Patience patience;
  private final Reach reach;
  private final String userAgent;
  private final Map<RegistrySettings.Host, HttpClient> clients = new ConcurrentHashMap<>();
  private final ScheduledThreadPoolExecutor watchdog;

  Transport(
      RegistrySettings settings,
      RegistryPolicy policy,
      ProxyEnvironment proxies,
      Patience patience,
      String userAgent) {
    this.settings = settings;
    this.proxies = proxies;
    this.patience = patience;
    this.userAgent = userAgent;
    this.reach = new Reach(settings, policy, proxies);
    this.watchdog =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread thread = new Thread(task, "registry-watchdog");
              thread.setDaemon(true);
              return thread;
            });
    watchdog.setRemoveOnCancelPolicy(true);
  }

  Reach reach() {
    return reach;
  }

  /**
   * One request.
   *
   * @param method the method
   * @param uri where to
   * @param headers what to say, the same at each place
   * @param authorization what to show at {@code uri}'s own origin, and nowhere else
   * @param body what to send, for a POST
   */
  record Request(
      String method,
      URI uri,
      Map<String, String> headers,
      Optional<String> authorization,
      Optional<String> body) {
    static Request get(URI uri, Map<String, String> headers, Optional<String> authorization) {
      return new Request("GET", uri, headers, authorization, Optional.empty());
    }
  }

  /**
   * Sends {@code request} and follows redirects to wherever {@code endpoint} may lead.
   *
   * @throws IOException where there is no answer
   */
  Answer send(Endpoint endpoint, Request request) throws IOException {
    URI at = request.uri();
    for (int redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      boolean sameOrigin = sameOrigin(at, request.uri());
      Answer answer = once(at, request, sameOrigin);
      if (!isRedirect(answer.status()) || request.body().isPresent()) {
        return answer;
      }
      answer.close();
      at = next(endpoint, at, answer);
    }
    throw new RegistryException(
        RegistryException.Reason.FAILED,
        endpoint.name()
            + ": more than "
            + MAX_REDIRECTS
            + " redirects from "
            + shown(request.uri()),
        null);
  }

  private URI next(Endpoint endpoint, URI at, Answer answer) throws RegistryException {
    String location = answer.header("location").orElse("");
    URI next;
    try {
      next = at.resolve(new URI(location));
    } catch (URISyntaxException e) {
      throw refused(endpoint, at, "to a Location that is no URL");
    }
    boolean http = "http".equals(next.getScheme());
    if (location.isEmpty()
        || next.getHost() == null
        || !(http || "https".equals(next.getScheme()))) {
      throw refused(endpoint, at, "to a Location that is no http or https URL");
    }
    if (http && "https".equals(at.getScheme())) {
      throw refused(endpoint, at, "from https to http at " + next.getHost());
    }
    if (next.getRawUserInfo() != null) {
      throw refused(endpoint, at, "to a Location with credentials");
    }
    if (!sameOrigin(at, next)) {
      reach.checkRedirect(endpoint, next);
    }
    return next;
  }

  private static RegistryException refused(Endpoint endpoint, URI at, String what) {
    return new RegistryException(
        RegistryException.Reason.NOT_ALLOWED,
        endpoint.name() + ": " + shown(at) + " redirects " + what + ", which is not followed",
        null);
  }

  private Answer once(URI uri, Request request, boolean sameOrigin) throws IOException {
    HttpRequest.Builder builder = builder(uri);
    request.headers().forEach(builder::setHeader);
    builder.setHeader("User-Agent", userAgent);
    builder.setHeader("Accept-Encoding", "identity");
    if (sameOrigin) {
      request.authorization().ifPresent(value -> builder.setHeader("Authorization", value));
    }
    proxies.authorization(uri).ifPresent(value -> builder.setHeader("Proxy-Authorization", value));
    builder.method(
        request.method(),
        request
            .body()
            .map(HttpRequest.BodyPublishers::ofString)
            .orElse(HttpRequest.BodyPublishers.noBody()));
    try {
      HttpResponse<InputStream> response = send(client(uri), builder.build());
      InputStream body = new WatchedStream(response.body(), shown(uri), patience, watchdog);
      return new Answer(response.statusCode(), response.headers(), body, uri, !sameOrigin);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RegistryException(
          RegistryException.Reason.FAILED, "interrupted at " + shown(uri), e);
    } catch (RegistryException e) {
      throw e;
    } catch (SSLException e) {
      throw untrusted(uri, e);
    } catch (IOException e) {
      throw new IOException(shown(uri) + ": " + reason(e), e);
    }
  }

  private static HttpRequest.Builder builder(URI uri) throws RegistryException {
    try {
      return HttpRequest.newBuilder(uri);
    } catch (IllegalArgumentException e) {
      throw unusable(uri, e);
    }
  }

  private static RegistryException unusable(URI uri, Throwable e) {
    return new RegistryException(
        RegistryException.Reason.FAILED, shown(uri) + " cannot be asked: " + e.getMessage(), e);
  }

  /** Waits for the headers only; HttpRequest's own timeout covers the body, too, since JDK 26. */
  private HttpResponse<InputStream> send(HttpClient client, HttpRequest request)
      throws IOException, InterruptedException {
    CompletableFuture<HttpResponse<InputStream>> answer =
        client.sendAsync(request, HttpResponse.BodyHandlers.ofInputStream());
    try {
      return answer.get(patience.answer().toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      giveUp(answer);
      throw new HttpTimeoutException("no answer within " + patience.answer().toMillis() + " ms");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException io) {
        throw io;
      }
      throw unusable(request.uri(), e.getCause() == null ? e : e.getCause());
    } catch (InterruptedException e) {
      giveUp(answer);
      throw e;
    }
  }

  /** Ends the exchange, and the body where the answer has come meanwhile. */
  private static void giveUp(CompletableFuture<HttpResponse<InputStream>> answer) {
    answer.cancel(true);
    var unused =
        answer.thenAccept(
            late -> {
              try {
                late.body().close();
              } catch (IOException e) {
                throw new UncheckedIOException(e); // nobody waits for it
              }
            });
  }

  private static RegistryException untrusted(URI uri, SSLException e) {
    boolean noTls = String.valueOf(e.getMessage()).contains("plaintext connection");
    return new RegistryException(
        noTls ? RegistryException.Reason.FAILED : RegistryException.Reason.NOT_ALLOWED,
        noTls
            ? shown(uri)
                + " does not speak TLS; where plain HTTP is meant, allow it by --plain-http "
                + Reach.authority(uri)
            : shown(uri)
                + " cannot be trusted: "
                + e.getMessage()
                + "; where its certificate is of a private CA, name the CA in the registries file",
        e);
  }

  private HttpClient client(URI uri) throws IOException {
    RegistrySettings.Host host = settings.of(Reach.authority(uri));
    RegistrySettings.Host tls =
        host.hasTls() && "https".equals(uri.getScheme()) ? host : RegistrySettings.Host.USUAL;
    HttpClient known = clients.get(tls);
    if (known != null) {
      return known;
    }
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(patience.connect())
            .proxy(proxies);
    try {
      if (tls.hasTls()) {
        builder.sslContext(
            PemFiles.context(
                Optional.ofNullable(tls.ca()),
                Optional.ofNullable(tls.cert()),
                Optional.ofNullable(tls.key())));
      }
    } catch (GeneralSecurityException e) {
      throw new IOException("the TLS settings for " + uri.getHost() + ": " + e.getMessage(), e);
    }
    HttpClient made = builder.build();
    HttpClient present = clients.putIfAbsent(tls, made);
    return present == null ? made : present;
  }

  private static boolean isRedirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  }

  private static boolean sameOrigin(URI a, URI b) {
    return String.valueOf(a.getScheme()).equals(b.getScheme())
        && Reach.authority(a).equals(Reach.authority(b));
  }

  /** A URL without what may be secret in it: a presigned one is a credential. */
  static String shown(URI uri) {
    return uri.getScheme() + "://" + Reach.authority(uri) + uri.getRawPath();
  }

  private static String reason(IOException e) {
    String message = e.getMessage();
    String type = e.getClass().getSimpleName();
    return message == null ? type : type.equals("IOException") ? message : type + ": " + message;
  }

  @Override
  public void close() {
    watchdog.shutdownNow();
  }
}
