package dev.nexrootfs.registry;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The proxies of {@code HTTPS_PROXY}, {@code HTTP_PROXY} and {@code NO_PROXY}, in either case, as
 * curl and Go's programs read them. The JDK reads none of them.
 */
public final class ProxyEnvironment extends ProxySelector {
  private final Optional<URI> http;
  private final Optional<URI> https;
  private final List<String> direct;

  private ProxyEnvironment(Optional<URI> http, Optional<URI> https, List<String> direct) {
    this.http = http;
    this.https = https;
    this.direct = direct;
  }

  /**
   * The proxies of {@code environment}.
   *
   * @throws IllegalArgumentException where a variable is no URL of a proxy
   */
  public static ProxyEnvironment of(Map<String, String> environment) {
    String none = variable(environment, "no_proxy");
    return new ProxyEnvironment(
        proxy(environment, "http_proxy"),
        proxy(environment, "https_proxy"),
        Arrays.stream(none.split("[,\\s]+")).filter(part -> !part.isEmpty()).toList());
  }

  private static String variable(Map<String, String> environment, String name) {
    String lower = environment.getOrDefault(name, "");
    return lower.isEmpty() ? environment.getOrDefault(name.toUpperCase(Locale.ROOT), "") : lower;
  }

  private static Optional<URI> proxy(Map<String, String> environment, String name) {
    String text = variable(environment, name);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    URI uri;
    try {
      uri = URI.create(text.contains("://") ? text : "http://" + text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("the variable " + name + " is no URL of a proxy");
    }
    if (!"http".equals(uri.getScheme()) || uri.getHost() == null) {
      throw new IllegalArgumentException(
          "the variable " + name + " is no http://HOST:PORT; other proxies are not supported");
    }
    return Optional.of(uri);
  }

  @Override
  public List<Proxy> select(URI target) {
    return proxyFor(target)
        .map(proxy -> List.of(new Proxy(Proxy.Type.HTTP, address(proxy))))
        .orElse(List.of(Proxy.NO_PROXY));
  }

  @Override
  public void connectFailed(URI target, SocketAddress proxy, IOException failure) {
    // There is one proxy for a target, so there is nothing to choose; the request itself fails.
  }

  /** Whether {@code target} is reached through a proxy, which then also resolves its name. */
  boolean covers(URI target) {
    return proxyFor(target).isPresent();
  }

  /** What the proxy for {@code target} is shown, where its URL has credentials. */
  Optional<String> authorization(URI target) {
    return proxyFor(target)
        .map(URI::getUserInfo)
        .map(
            pair ->
                "Basic "
                    + Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8)));
  }

  private Optional<URI> proxyFor(URI target) {
    Optional<URI> proxy = "https".equals(target.getScheme()) ? https : http;
    return proxy.filter(unused -> !isDirect(target));
  }

  private boolean isDirect(URI target) {
    String host = target.getHost().toLowerCase(Locale.ROOT).replaceAll("[\\[\\]]", "");
    if (host.equals("localhost") || (isLiteral(host) && isLoopback(host))) {
      return true;
    }
    int port =
        target.getPort() >= 0 ? target.getPort() : "https".equals(target.getScheme()) ? 443 : 80;
    return direct.stream().anyMatch(rule -> matches(rule.toLowerCase(Locale.ROOT), host, port));
  }

  private static boolean matches(String rule, String host, int port) {
    if (rule.equals("*")) {
      return true;
    }
    int slash = rule.indexOf('/');
    if (slash > 0) {
      return isLiteral(host)
          && inNetwork(host, rule.substring(0, slash), rule.substring(slash + 1));
    }
    String name = rule;
    int colon = rule.lastIndexOf(':');
    if (colon > 0 && rule.indexOf(':') == colon) {
      if (!rule.substring(colon + 1).equals(Integer.toString(port))) {
        return false;
      }
      name = rule.substring(0, colon);
    }
    if (isLiteral(host)) {
      return host.equals(name);
    }
    String suffix = name.startsWith("*.") ? name.substring(1) : name;
    return suffix.startsWith(".")
        ? host.endsWith(suffix) || (host.equals(suffix.substring(1)) && !name.startsWith("*."))
        : host.equals(suffix) || host.endsWith("." + suffix);
  }

  private static boolean inNetwork(String host, String network, String prefix) {
    if (!isLiteral(network) || !prefix.matches("\\d{1,3}")) {
      return false;
    }
    byte[] a = literal(host);
    byte[] b = literal(network);
    int bits = Integer.parseInt(prefix);
    if (a.length != b.length || bits > a.length * 8) {
      return false;
    }
    for (int bit = 0; bit < bits; bit++) {
      if (((a[bit / 8] ^ b[bit / 8]) >> (7 - bit % 8) & 1) != 0) {
        return false;
      }
    }
    return true;
  }

  private static boolean isLiteral(String host) {
    return host.indexOf(':') >= 0 || host.matches("\\d+\\.\\d+\\.\\d+\\.\\d+");
  }

  private static boolean isLoopback(String host) {
    byte[] address = literal(host);
    return address.length == 4
        ? address[0] == 127
        : new java.math.BigInteger(address).equals(java.math.BigInteger.ONE);
  }

  /** The bytes of a literal address, which no name server is asked for; empty where it is none. */
  private static byte[] literal(String host) {
    try {
      return InetAddress.getByName(host).getAddress();
    } catch (java.net.UnknownHostException e) {
      return new byte[0];
    }
  }

  private static InetSocketAddress address(URI proxy) {
    return InetSocketAddress.createUnresolved(
        proxy.getHost(), proxy.getPort() < 0 ? 80 : proxy.getPort());
  }
}
