package dev.nexrootfs.registry;

import dev.nexrootfs.oci.ImageReference;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;

/**
 * A place that serves a registry's images: the registry itself, or a mirror.
 *
 * @param registry as references name it
 * @param base the URL before {@code /v2/}
 * @param isMirror whether it stands in for the registry; then it gets none of the registry's
 *     credentials
 * @param settings what is configured for the registry itself, or for the mirror's own host
 */
record Endpoint(String registry, URI base, boolean isMirror, RegistrySettings.Host settings) {
  private static final String HUB_API = "registry-1.docker.io";

  /** The places of {@code registry} in the order in which they are asked. */
  static List<Endpoint> of(String registry, RegistrySettings settings) {
    RegistrySettings.Host host = settings.of(registry);
    List<Endpoint> endpoints = new ArrayList<>();
    for (URI mirror : host.mirrorsOrNone()) {
      endpoints.add(new Endpoint(registry, mirror, true, settings.of(Reach.authority(mirror))));
    }
    String authority = registry.equals(ImageReference.DOCKER_HUB) ? HUB_API : registry;
    URI origin = URI.create((host.plainHttp() ? "http://" : "https://") + authority);
    endpoints.add(new Endpoint(registry, origin, false, host));
    return endpoints;
  }

  /** The name under which credentials for it are configured. */
  String credentialsKey() {
    return isMirror ? Reach.authority(base) : registry;
  }

  /** For messages. */
  String name() {
    return isMirror ? "mirror " + Reach.authority(base) + " of " + registry : registry;
  }

  /** The URL of {@code path} below a repository; a mirror is told whose image is wanted. */
  URI at(String repository, String path) {
    String prefix = base.getRawPath() == null ? "" : base.getRawPath().replaceAll("/+$", "");
    return URI.create(
        base.getScheme()
            + "://"
            + base.getRawAuthority()
            + prefix
            + "/v2/"
            + repository
            + path
            + (isMirror ? "?ns=" + registry : ""));
  }
}
