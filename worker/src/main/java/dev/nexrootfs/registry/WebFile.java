package dev.nexrootfs.registry;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A file of the web while it is read.
 *
 * @param body its bytes, not verified
 */
public record WebFile(InputStream body) implements Closeable {
  /** Segments that lead elsewhere. */
  private static final Pattern DOTS = Pattern.compile("(?:^|/)\\.{1,2}(?:/|$)");

  static WebFile open(
      Transport transport,
      Patience patience,
      RegistryPolicy policy,
      RegistrySettings settings,
      URI uri)
      throws IOException {
    boolean usable =
        "https".equals(uri.getScheme()) && uri.getHost() != null && uri.getRawUserInfo() == null;
    if (!usable) {
      throw new RegistryException(
          RegistryException.Reason.NOT_ALLOWED, "only https://HOST/PATH is fetched", null);
    }
    if (DOTS.matcher(uri.getPath()).find()) {
      throw new RegistryException(
          RegistryException.Reason.NOT_ALLOWED,
          Transport.shown(uri) + " has . or .. in its path; write where that leads",
          null);
    }
    String host = Reach.authority(uri);
    if (!policy.allowed().isEmpty() && !policy.allows(host + uri.getPath())) {
      throw new RegistryException(
          RegistryException.Reason.NOT_ALLOWED,
          "the worker does not allow files of "
              + host
              + "; its operator allows "
              + String.join(", ", policy.allowed()),
          null);
    }
    if (!policy.reachesPrivateHosts() && !settings.knows(host)) {
      transport.reach().checkPublic(Transport.shown(uri), uri);
    }
    Endpoint site = new Endpoint(host, uri, true, settings.of(host));
    for (int attempt = 1; ; attempt++) {
      try {
        Answer answer =
            transport.send(site, Transport.Request.get(uri, Map.of(), Optional.empty()));
        if (answer.status() == 200) {
          return new WebFile(answer.body());
        }
        answer.close();
        boolean passes = answer.status() == 429 || answer.status() >= 500;
        if (!passes || attempt >= patience.attempts()) {
          throw new RegistryException(
              answer.status() == 404
                  ? RegistryException.Reason.NOT_FOUND
                  : RegistryException.Reason.FAILED,
              Transport.shown(uri) + " answers " + answer.status(),
              null);
        }
      } catch (RegistryException e) {
        throw e;
      } catch (IOException e) {
        if (attempt >= patience.attempts()) {
          throw new RegistryException(RegistryException.Reason.FAILED, e.getMessage(), e);
        }
      }
      RegistryClient.pause(patience.delayAfter(attempt));
    }
  }

  @Override
  public void close() throws IOException {
    body.close();
  }
}
