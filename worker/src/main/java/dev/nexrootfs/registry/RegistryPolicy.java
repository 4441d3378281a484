package dev.nexrootfs.registry;

import dev.nexrootfs.oci.ImageReference;
import java.util.List;

/**
 * Which registries, and hosts of other files, a request may name.
 *
 * @param allowed hosts, or beginnings of repositories like {@code registry.example/team}; empty for
 *     every registry of the public Internet
 * @param reachesPrivateHosts whether registries at private addresses may be named though they are
 *     not listed
 */
public record RegistryPolicy(List<String> allowed, boolean reachesPrivateHosts) {
  /** Whoever starts the program may name what it can reach. */
  public static final RegistryPolicy ALL = new RegistryPolicy(List.of(), true);

  /** Copies the list. */
  public RegistryPolicy {
    allowed = List.copyOf(allowed);
  }

  /** Whether {@code reference} is listed. */
  boolean names(ImageReference reference) {
    return allows(reference.registry() + "/" + reference.repository());
  }

  /** Whether {@code name}, a registry and a repository, is listed. */
  public boolean allows(String name) {
    return allowed.stream()
        .map(prefix -> prefix.replaceAll("/+$", ""))
        .anyMatch(prefix -> name.equals(prefix) || name.startsWith(prefix + "/"));
  }

  /** Whether {@code host}, or a part of what it has, is listed. */
  boolean allowsSomeOf(String host) {
    return allowed.stream().anyMatch(name -> name.equals(host) || name.startsWith(host + "/"));
  }

  void check(ImageReference reference) throws RegistryException {
    if (!allowed.isEmpty() && !names(reference)) {
      throw new RegistryException(
          RegistryException.Reason.NOT_ALLOWED,
          "the worker does not allow images of "
              + reference.registry()
              + "/"
              + reference.repository()
              + "; its operator allows "
              + String.join(", ", allowed),
          null);
    }
  }
}
