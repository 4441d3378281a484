package dev.nexrootfs.registry;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * What is shown to registries: answers to their challenges, kept until they expire (distribution's
 * token authentication specification). A credential is only ever shown to the registry that it is
 * configured for, and to the token service that this registry names.
 */
final class Tokens {
  private static final int MAX_TOKEN_BYTES = 1 << 16;
  private static final int MAX_ANSWERS = 1000;
  private static final Duration USUAL_LIFE = Duration.ofSeconds(60);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Transport transport;
  private final CredentialStore credentials;
  private final Map<Key, Slot> slots = new ConcurrentHashMap<>();

  Tokens(Transport transport, CredentialStore credentials) {
    this.transport = transport;
    this.credentials = credentials;
  }

  /** Whom an answer is for. */
  private record Key(String credentialsKey, String repository) {}

  /** The answer for one repository; its lock makes one request of many threads' needs. */
  private static final class Slot {
    private Optional<String> authorization = Optional.empty();
    private long expires;
  }

  /** What is known to be taken at {@code endpoint} for {@code repository}, until it expires. */
  Optional<String> current(Endpoint endpoint, String repository) {
    Slot slot = slot(endpoint, repository);
    synchronized (slot) {
      boolean valid = slot.authorization.isPresent() && System.nanoTime() - slot.expires < 0;
      return valid ? slot.authorization : Optional.empty();
    }
  }

  /**
   * Answers a challenge.
   *
   * @param refused what was shown and not taken
   * @throws RegistryException {@code DENIED} where there is nothing to answer with
   */
  String answer(
      Endpoint endpoint, String repository, List<Challenge> challenges, Optional<String> refused)
      throws IOException {
    Slot slot = slot(endpoint, repository);
    synchronized (slot) {
      boolean renewed = slot.authorization.isPresent() && !slot.authorization.equals(refused);
      if (renewed && System.nanoTime() - slot.expires < 0) {
        return slot.authorization.get(); // another thread has asked meanwhile
      }
      slot.authorization = Optional.empty();
      Optional<Credentials> known = credentials.find(endpoint.credentialsKey(), repository);
      Token token = token(endpoint, repository, challenges, known);
      slot.authorization = Optional.of(token.authorization());
      slot.expires = System.nanoTime() + token.life().toNanos();
      return token.authorization();
    }
  }

  private Slot slot(Endpoint endpoint, String repository) {
    if (slots.size() > MAX_ANSWERS) {
      slots.clear();
    }
    return slots.computeIfAbsent(
        new Key(Reach.authority(endpoint.base()), repository), key -> new Slot());
  }

  /** What to show, and how long it is good for. */
  private record Token(String authorization, Duration life) {
    static Token bearer(String token, Duration life) {
      return new Token("Bearer " + token, life);
    }
  }

  private Token token(
      Endpoint endpoint, String repository, List<Challenge> challenges, Optional<Credentials> known)
      throws IOException {
    if (known.isPresent() && !known.get().registryToken().isEmpty()) {
      return Token.bearer(known.get().registryToken(), Duration.ofDays(1));
    }
    Optional<Challenge> bearer = first(challenges, "bearer");
    if (bearer.isPresent()) {
      return fetch(endpoint, repository, bearer.get(), known);
    }
    if (first(challenges, "basic").isPresent()) {
      Credentials pair =
          known
              .filter(found -> !found.secret().isEmpty())
              .orElseThrow(() -> denied(endpoint, "wants a user and a password"));
      return new Token(basic(pair), Duration.ofDays(1));
    }
    String offered = challenges.stream().map(Challenge::scheme).collect(Collectors.joining(", "));
    throw denied(endpoint, "offers no authentication that is known here (" + offered + ")");
  }

  private static Optional<Challenge> first(List<Challenge> challenges, String scheme) {
    return challenges.stream().filter(challenge -> challenge.scheme().equals(scheme)).findFirst();
  }

  private Token fetch(
      Endpoint endpoint, String repository, Challenge challenge, Optional<Credentials> known)
      throws IOException {
    URI realm = realm(endpoint, challenge);
    Map<String, String> query = new LinkedHashMap<>();
    challenge.parameter("service").ifPresent(service -> query.put("service", service));
    query.put("scope", challenge.parameter("scope").orElse("repository:" + repository + ":pull"));
    boolean secret =
        known.isPresent()
            && !(known.get().secret().isEmpty() && known.get().identityToken().isEmpty());
    if (secret) {
      Optional<Token> posted = post(endpoint, realm, query, known.get());
      if (posted.isPresent()) {
        return posted.get();
      }
    }
    Optional<String> authorization =
        known.filter(found -> !found.secret().isEmpty()).map(Tokens::basic);
    String separator = realm.getRawQuery() == null ? "?" : "&";
    URI uri = URI.create(realm + separator + encoded(query));
    try (Answer answer =
        transport.send(endpoint, Transport.Request.get(uri, Map.of(), authorization))) {
      return read(endpoint, realm, answer);
    }
  }

  /** By OAuth 2; empty where the service does not know that way. */
  private Optional<Token> post(
      Endpoint endpoint, URI realm, Map<String, String> query, Credentials known)
      throws IOException {
    Map<String, String> form = new LinkedHashMap<>(query);
    form.put("client_id", "nex-rootfs");
    if (known.identityToken().isEmpty()) {
      form.put("grant_type", "password");
      form.put("username", known.username());
      form.put("password", known.secret());
    } else {
      form.put("grant_type", "refresh_token");
      form.put("refresh_token", known.identityToken());
    }
    Transport.Request request =
        new Transport.Request(
            "POST",
            realm,
            Map.of("Content-Type", "application/x-www-form-urlencoded"),
            Optional.empty(),
            Optional.of(encoded(form)));
    try (Answer answer = transport.send(endpoint, request)) {
      boolean unknownWay = List.of(400, 401, 404, 405).contains(answer.status());
      if (unknownWay && known.identityToken().isEmpty()) {
        return Optional.empty();
      }
      return Optional.of(read(endpoint, realm, answer));
    }
  }

  private URI realm(Endpoint endpoint, Challenge challenge) throws RegistryException {
    String text = challenge.parameter("realm").orElse("");
    URI realm;
    try {
      realm = new URI(text);
    } catch (java.net.URISyntaxException e) {
      throw denied(endpoint, "names a token service that is no URL");
    }
    boolean http = "http".equals(realm.getScheme()) && "http".equals(endpoint.base().getScheme());
    if (realm.getHost() == null || realm.getRawUserInfo() != null) {
      throw denied(endpoint, "names a token service that is no URL");
    }
    if (!http && !"https".equals(realm.getScheme())) {
      throw denied(
          endpoint,
          "names a token service at " + realm.getHost() + " that is not spoken to by https");
    }
    transport.reach().check("the token service", endpoint, realm);
    return realm;
  }

  private static Token read(Endpoint endpoint, URI realm, Answer answer) throws IOException {
    String service = "the token service " + Transport.shown(realm) + " of " + endpoint.name();
    if (answer.isForeign()) {
      throw new RegistryException(
          RegistryException.Reason.NOT_ALLOWED,
          service + " redirects to another host, which is not followed for tokens",
          null);
    }
    if (answer.status() == 401 || answer.status() == 403) {
      throw new RegistryException(
          RegistryException.Reason.DENIED,
          service + " answers " + answer.status() + "; check the credentials for this registry",
          null);
    }
    if (!answer.isSuccess()) {
      throw new IOException(service + " answers " + answer.status() + answer.errorText());
    }
    byte[] body = answer.document(MAX_TOKEN_BYTES + 1);
    if (body.length > MAX_TOKEN_BYTES) {
      throw new RegistryException(
          RegistryException.Reason.FAILED,
          service + " answers with more than " + MAX_TOKEN_BYTES + " bytes",
          null);
    }
    try {
      JsonNode json = JSON.readTree(body);
      String token = json.path("token").asText(json.path("access_token").asText(""));
      if (token.isEmpty() || !token.matches("[\\x21-\\x7E]+")) {
        throw new RegistryException(
            RegistryException.Reason.FAILED, service + " answers without a token", null);
      }
      long seconds = json.path("expires_in").asLong(USUAL_LIFE.toSeconds());
      // A token that ends while a request is under way is of no use.
      Duration life = Duration.ofSeconds(Math.max(1, Math.min(seconds, 86_400)));
      Duration margin = life.dividedBy(5);
      return Token.bearer(token, life.minus(margin));
    } catch (JacksonException e) {
      throw new RegistryException(
          RegistryException.Reason.FAILED, service + " answers with no JSON", null);
    }
  }

  private static String basic(Credentials pair) {
    byte[] text = (pair.username() + ":" + pair.secret()).getBytes(StandardCharsets.UTF_8);
    return "Basic " + Base64.getEncoder().encodeToString(text);
  }

  private static String encoded(Map<String, String> parameters) {
    return parameters.entrySet().stream()
        .map(
            entry ->
                entry.getKey() + "=" + URLEncoder.encode(entry.getValue(), StandardCharsets.UTF_8))
        .collect(Collectors.joining("&"));
  }

  private static RegistryException denied(Endpoint endpoint, String what) {
    return new RegistryException(
        RegistryException.Reason.DENIED,
        endpoint.name()
            + " "
            + what
            + "; log in on the worker's machine with docker login or podman login",
        null);
  }
}
