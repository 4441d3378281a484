package dev.nexrootfs.registry;

import dev.nexrootfs.oci.Digest;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Requests to one endpoint of a registry: authenticated, tried again where that can help, and their
 * failures told apart.
 */
final class RegistryClient {
  private static final Set<Integer> PASSING = Set.of(408, 429, 500, 502, 503, 504, 522);

  private final Transport transport;
  private final Tokens tokens;
  private final Patience patience;

  RegistryClient(Transport transport, Tokens tokens, Patience patience) {
    this.transport = transport;
    this.tokens = tokens;
    this.patience = patience;
  }

  Patience patience() {
    return patience;
  }

  /**
   * The answer to GET or HEAD for a repository's {@code path}: a success, or an exception.
   *
   * @param headers what to say beside
   * @throws RegistryException where trying again would not help, or has not
   */
  Answer request(
      String method, Endpoint endpoint, String repository, String path, Map<String, String> headers)
      throws IOException {
    for (int attempt = 1; ; attempt++) {
      boolean last = attempt >= patience.attempts();
      Duration delay = patience.delayAfter(attempt);
      try {
        Answer answer = authorized(method, endpoint, repository, path, headers);
        if (answer.isSuccess()) {
          return answer;
        }
        // A presigned URL that has expired; the registry makes a new one.
        boolean expired = answer.isForeign() && (answer.status() == 401 || answer.status() == 403);
        if ((!expired && !PASSING.contains(answer.status())) || last) {
          throw failure(endpoint, repository + path, answer);
        }
        delay = retryDelay(endpoint, answer, delay);
        answer.close();
      } catch (RegistryException e) {
        throw e;
      } catch (IOException e) {
        if (last) {
          throw new RegistryException(
              RegistryException.Reason.FAILED,
              endpoint.name()
                  + " cannot be reached, "
                  + attempt
                  + " times tried: "
                  + e.getMessage()
                  + plainHttpHint(endpoint),
              e);
        }
      }
      pause(delay);
    }
  }

  /** Registries of a test or of a cluster often speak no TLS, and some say nothing to it. */
  private static String plainHttpHint(Endpoint endpoint) {
    boolean port = endpoint.base().getPort() >= 0 && "https".equals(endpoint.base().getScheme());
    return port
        ? "; where it speaks plain HTTP, allow that by --plain-http "
            + Reach.authority(endpoint.base())
        : "";
  }

  private Answer authorized(
      String method, Endpoint endpoint, String repository, String path, Map<String, String> headers)
      throws IOException {
    Optional<String> known = tokens.current(endpoint, repository);
    Answer answer =
        transport.send(endpoint, request(method, endpoint, repository, path, headers, known));
    if (answer.status() != 401 || answer.isForeign()) {
      return answer;
    }
    answer.close();
    List<Challenge> challenges = Challenge.parse(answer.headers().allValues("www-authenticate"));
    String fresh = tokens.answer(endpoint, repository, challenges, known);
    return transport.send(
        endpoint, request(method, endpoint, repository, path, headers, Optional.of(fresh)));
  }

  private static Transport.Request request(
      String method,
      Endpoint endpoint,
      String repository,
      String path,
      Map<String, String> headers,
      Optional<String> authorization) {
    return new Transport.Request(
        method, endpoint.at(repository, path), headers, authorization, Optional.empty());
  }

  private Duration retryDelay(Endpoint endpoint, Answer answer, Duration usual)
      throws RegistryException {
    Optional<Duration> asked = answer.retryAfter();
    if (asked.isPresent() && asked.get().compareTo(patience.longestDelay()) > 0) {
      throw RegistryException.rateLimited(
          endpoint.name()
              + " answers "
              + answer.status()
              + " and asks to come back in "
              + asked.get().toSeconds()
              + " s; log in for a higher limit, use a mirror, or ask again then",
          asked.get());
    }
    return asked.orElse(usual);
  }

  /** What an answer that is no success means. */
  private static RegistryException failure(Endpoint endpoint, String what, Answer answer)
      throws IOException {
    try (answer) {
      String said =
          endpoint.name() + " answers " + answer.status() + " for " + what + answer.errorText();
      return switch (answer.status()) {
        case 404 -> new RegistryException(RegistryException.Reason.NOT_FOUND, said, null);
        case 401, 403 ->
            new RegistryException(
                RegistryException.Reason.DENIED,
                said + "; the image may not exist, or the credentials for this registry do not do",
                null);
        case 429 ->
            RegistryException.rateLimited(
                said + "; log in for a higher limit, use a mirror, or ask again later",
                answer.retryAfter().orElse(Duration.ofMinutes(1)));
        default -> new RegistryException(RegistryException.Reason.FAILED, said, null);
      };
    }
  }

  /** The digest that a response says its body has; empty where it says none that can be used. */
  static Optional<Digest> digestHeader(Answer answer) {
    try {
      return answer.header("docker-content-digest").map(String::strip).map(Digest::new);
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // another algorithm: the body is hashed by the one that we know
    }
  }

  static void pause(Duration delay) {
    long end = System.nanoTime() + delay.toNanos();
    for (long left = delay.toNanos(); left > 0 && !Thread.currentThread().isInterrupted(); ) {
      LockSupport.parkNanos(Math.min(left, TimeUnit.SECONDS.toNanos(1)));
      left = end - System.nanoTime();
    }
  }
}
