package dev.nexrootfs.registry;

import dev.nexrootfs.oci.ImageReference;
import java.io.Closeable;
import java.io.IOException;
import java.net.URI;
import java.util.List;

/**
 * The registries that this machine pulls from (OCI distribution-spec). For any number of threads.
 */
public final class Registries implements Closeable {
  private final RegistrySettings settings;
  private final RegistryPolicy policy;
  private final Transport transport;
  private final RegistryClient client;

  /**
   * Registries as they are configured.
   *
   * @param policy which ones references may name
   * @param proxies the environment's proxies
   * @param userAgent how requests name this program
   */
  public Registries(
      RegistrySettings settings,
      CredentialStore credentials,
      RegistryPolicy policy,
      ProxyEnvironment proxies,
      Patience patience,
      String userAgent) {
    this.settings = settings;
    this.policy = policy;
    this.transport = new Transport(settings, policy, proxies, patience, userAgent);
    this.client = new RegistryClient(transport, new Tokens(transport, credentials), patience);
  }

  /**
   * The repository of {@code reference}; nothing is asked yet.
   *
   * @throws RegistryException {@code NOT_ALLOWED} where the policy has it so
   */
  public RegistryRepository repository(ImageReference reference) throws IOException {
    List<Endpoint> endpoints = Endpoint.of(reference.registry(), settings);
    policy.check(reference);
    if (!policy.reachesPrivateHosts()
        && !policy.names(reference)
        && !settings.knows(reference.registry())) {
      transport
          .reach()
          .checkPublic("image " + reference, endpoints.get(endpoints.size() - 1).base());
    }
    return new RegistryRepository(client, reference, endpoints);
  }

  /**
   * A file of the web, for whoever knows its digest. Not verified here.
   *
   * @param uri https, as the request names it
   * @throws RegistryException where it cannot be had, or leads to where the policy does not allow
   */
  public WebFile open(URI uri) throws IOException {
    return WebFile.open(transport, client.patience(), policy, settings, uri);
  }

  @Override
  public void close() {
    transport.close();
  }
}
