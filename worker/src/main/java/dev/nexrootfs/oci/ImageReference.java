package dev.nexrootfs.oci;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The name of an image in a registry: {@code [registry/]repository[:tag][@digest]}, normalised as
 * docker does (distribution-spec, Pulling manifests; github.com/distribution/reference).
 *
 * @param registry host and optional port; {@link #DOCKER_HUB} where none is named
 * @param repository path of the repository, with {@code library/} where docker.io has it
 * @param tag the tag; {@code latest} where neither tag nor digest is named, for display only where
 *     there is a digest
 * @param digest what the manifest has to be
 */
public record ImageReference(
    String registry, String repository, Optional<String> tag, Optional<Digest> digest) {
  /** The registry that is meant where none is named. */
  public static final String DOCKER_HUB = "docker.io";

  private static final int MAX_NAME = 255;
  private static final Pattern REGISTRY =
      Pattern.compile(
          "(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?");
  private static final String COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
  private static final Pattern REPOSITORY = Pattern.compile(COMPONENT + "(?:/" + COMPONENT + ")*");
  private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}");
  private static final Pattern BARE_ID = Pattern.compile("[0-9a-f]{64}");

  /**
   * Reads a reference.
   *
   * @throws IllegalArgumentException for what is none, with the part that is wrong
   */
  public static ImageReference parse(String text) {
    if (text.length() > MAX_NAME + 1 + 128 + 1 + 136) {
      throw invalid(abbreviated(text), "it is too long");
    }
    String rest = text;
    Optional<Digest> digest = Optional.empty();
    int at = rest.indexOf('@');
    if (at >= 0) {
      digest = Optional.of(digest(text, rest.substring(at + 1)));
      rest = rest.substring(0, at);
    }
    Optional<String> tag = Optional.empty();
    int colon = rest.lastIndexOf(':');
    if (colon > rest.lastIndexOf('/')) {
      tag = Optional.of(rest.substring(colon + 1));
      rest = rest.substring(0, colon);
      if (!TAG.matcher(tag.get()).matches()) {
        throw invalid(text, "\"" + tag.get() + "\" is no tag");
      }
    }
    if (BARE_ID.matcher(rest).matches()) {
      throw invalid(text, "64 hexadecimal digits are an image's id, which no registry knows");
    }
    int slash = rest.indexOf('/');
    boolean named = slash > 0 && isRegistry(rest.substring(0, slash));
    String registry = named ? canonical(rest.substring(0, slash)) : DOCKER_HUB;
    String repository = named ? rest.substring(slash + 1) : rest;
    if (registry.equals(DOCKER_HUB) && repository.indexOf('/') < 0) {
      repository = "library/" + repository;
    }
    if (!REGISTRY.matcher(registry).matches() || !isAuthority(registry)) {
      throw invalid(text, "\"" + registry + "\" is no registry");
    }
    if (!REPOSITORY.matcher(repository).matches()) {
      throw invalid(text, "\"" + repository + "\" is no repository: lower-case words and slashes");
    }
    if (registry.length() + 1 + repository.length() > MAX_NAME) {
      throw invalid(abbreviated(text), "the name has more than " + MAX_NAME + " characters");
    }
    if (tag.isEmpty() && digest.isEmpty()) {
      tag = Optional.of("latest");
    }
    return new ImageReference(registry, repository, tag, digest);
  }

  /** What a registry is asked for: the digest where there is one, else the tag. */
  public String manifest() {
    return digest.map(Digest::text).or(() -> tag).orElse("latest");
  }

  /** The reference with every part written out. */
  @Override
  public String toString() {
    return registry
        + "/"
        + repository
        + tag.map(text -> ":" + text).orElse("")
        + digest.map(value -> "@" + value).orElse("");
  }

  /** The first component is a registry where it cannot be a part of a repository's path. */
  private static boolean isRegistry(String component) {
    return component.indexOf('.') >= 0
        || component.indexOf(':') >= 0
        || component.equals("localhost")
        || !component.equals(component.toLowerCase(java.util.Locale.ROOT));
  }

  /** Whether it is a host and a port of the right size, as a URL has them. */
  private static boolean isAuthority(String registry) {
    try {
      URI uri = new URI("https://" + registry);
      return uri.getHost() != null && uri.getPort() < 1 << 16;
    } catch (URISyntaxException e) {
      return false;
    }
  }

  /** Hosts have no case, and Docker Hub has three. */
  private static String canonical(String registry) {
    String lower = registry.toLowerCase(java.util.Locale.ROOT);
    if (!isRegistry(lower)) {
      return registry; // only its upper case tells it from a path
    }
    return lower.equals("index.docker.io") || lower.equals("registry-1.docker.io")
        ? DOCKER_HUB
        : lower;
  }

  private static Digest digest(String reference, String text) {
    try {
      return new Digest(text);
    } catch (IllegalArgumentException e) {
      throw invalid(abbreviated(reference), e.getMessage());
    }
  }

  private static String abbreviated(String text) {
    return text.length() <= 100 ? text : text.substring(0, 100) + "…";
  }

  private static IllegalArgumentException invalid(
      String reference, @org.jspecify.annotations.Nullable String why) {
    return new IllegalArgumentException(
        "\"" + reference + "\" is not [registry/]name[:tag][@digest]: " + why);
  }
}
