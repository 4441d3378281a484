package dev.nexrootfs.registry;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.Locale;

/**
 * How far a stranger's words may lead a request: not to an address that only this machine's network
 * can reach, unless the operator has named the host. Resolution is looked at, not the name; the JDK
 * keeps an answer for longer than a connection takes to be made.
 */
final class Reach {
  private final RegistrySettings settings;
  private final RegistryPolicy policy;
  private final ProxyEnvironment proxies;

  Reach(RegistrySettings settings, RegistryPolicy policy, ProxyEnvironment proxies) {
    this.settings = settings;
    this.policy = policy;
    this.proxies = proxies;
  }

  /**
   * Checks a place that {@code from} leads to.
   *
   * @param what it is, for the message
   * @throws RegistryException {@code NOT_ALLOWED}
   */
  void check(String what, Endpoint from, URI target) throws RegistryException {
    String host = authority(target);
    boolean named =
        host.equals(authority(from.base()))
            || settings.knows(host)
            || from.settings().hostsOrNone().contains(host)
            || from.settings().hostsOrNone().contains(String.valueOf(target.getHost()));
    if (!named) {
      checkPublic(what + " of " + from.name(), target);
    }
  }

  /**
   * Checks a redirect: a registry of a private network may lead to its neighbours. It is one where
   * the operator has named it; what its name resolves to by now says nothing of a stranger's.
   */
  void checkRedirect(Endpoint from, URI target) throws RegistryException {
    try {
      if (isNamed(from) && isPrivate(InetAddress.getByName(from.base().getHost()))) {
        return;
      }
    } catch (UnknownHostException e) {
      // Then it was reached through a proxy, and is not known to be private.
      check("a redirect", from, target);
      return;
    }
    check("a redirect", from, target);
  }

  private boolean isNamed(Endpoint from) {
    return policy.reachesPrivateHosts()
        || policy.allowsSomeOf(from.registry())
        || settings.knows(from.registry())
        || settings.knows(authority(from.base()));
  }

  /** Checks that every address of {@code target} is one that anybody can reach. */
  void checkPublic(String what, URI target) throws RegistryException {
    String host = String.valueOf(target.getHost());
    if (proxies.covers(target) && !host.matches("[0-9.]+|\\[.*\\]|localhost|.*\\.localhost")) {
      return; // The proxy resolves the name, by its own rules.
    }
    try {
      for (InetAddress address : InetAddress.getAllByName(host)) {
        if (isPrivate(address)) {
          throw new RegistryException(
              RegistryException.Reason.NOT_ALLOWED,
              what
                  + " leads to "
                  + host
                  + ", whose address "
                  + address.getHostAddress()
                  + " is private; an operator allows it by naming the host in the registries file",
              null);
        }
      }
    } catch (UnknownHostException e) {
      throw new RegistryException(
          RegistryException.Reason.FAILED, what + ": the host " + host + " is not known", e);
    }
  }

  /** Host and port as the settings name them. */
  static String authority(URI uri) {
    String host = String.valueOf(uri.getHost()).toLowerCase(Locale.ROOT);
    return uri.getPort() < 0 ? host : host + ":" + uri.getPort();
  }

  /** Whether {@code address} is not of the public Internet (RFC 6890 and its successors). */
  static boolean isPrivate(InetAddress address) {
    if (address.isLoopbackAddress()
        || address.isAnyLocalAddress()
        || address.isLinkLocalAddress()
        || address.isSiteLocalAddress()
        || address.isMulticastAddress()) {
      return true;
    }
    byte[] bytes = address.getAddress();
    int first = bytes[0] & 0xFF;
    int second = bytes[1] & 0xFF;
    if (address instanceof Inet4Address) {
      return first == 0
          || first == 127
          || first >= 240
          || (first == 100 && second >= 64 && second < 128) // carrier-grade NAT
          || (first == 192 && second == 0 && bytes[2] == 0)
          || (first == 198 && (second == 18 || second == 19));
    }
    boolean uniqueLocal = (first & 0xFE) == 0xFC;
    return uniqueLocal || embedsPrivate(bytes);
  }

  /** IPv4 addresses travel inside of IPv6 ones: mapped, NAT64, 6to4. */
  private static boolean embedsPrivate(byte[] bytes) {
    byte[] nat64 = {0, 0x64, (byte) 0xFF, (byte) 0x9B, 0, 0, 0, 0, 0, 0, 0, 0};
    boolean atEnd =
        Arrays.equals(bytes, 0, 12, nat64, 0, 12)
            || Arrays.equals(bytes, 0, 10, new byte[10], 0, 10);
    boolean at2 = bytes[0] == 0x20 && bytes[1] == 0x02;
    int from = atEnd ? 12 : at2 ? 2 : -1;
    if (from < 0) {
      return false;
    }
    try {
      return isPrivate(InetAddress.getByAddress(Arrays.copyOfRange(bytes, from, from + 4)));
    } catch (UnknownHostException e) {
      throw new IllegalStateException("four bytes are an address", e);
    }
  }
}
