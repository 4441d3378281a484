package dev.nexrootfs.cli;

import dev.nexrootfs.registry.CredentialStore;
import dev.nexrootfs.registry.Patience;
import dev.nexrootfs.registry.ProxyEnvironment;
import dev.nexrootfs.registry.Registries;
import dev.nexrootfs.registry.RegistryPolicy;
import dev.nexrootfs.registry.RegistrySettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How registries are reached. */
final class RegistryFlags {
  @Option(
      names = "--registries",
      paramLabel = "FILE",
      defaultValue = "${env:NEX_ROOTFS_REGISTRIES}",
      description = {
        "JSON file with the mirrors, CAs and plain-HTTP registries to use",
        "(NEX_ROOTFS_REGISTRIES); credentials are those of docker and podman log-ins"
      })
  private @Nullable Path file;

  @Option(
      names = "--plain-http",
      paramLabel = "HOST[:PORT]",
      description = "speak to this registry without TLS; can be given again")
  private List<String> plainHttp = List.of();

  Registries open(RegistryPolicy policy) throws IOException, CommandFailure {
    try {
      return new Registries(
          settings(),
          CredentialStore.of(System.getenv()),
          policy,
          ProxyEnvironment.of(System.getenv()),
          Patience.USUAL,
          "nex-rootfs/" + Version.text());
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(String.valueOf(e.getMessage()), e);
    }
  }

  private RegistrySettings settings() throws IOException {
    RegistrySettings settings = file == null ? RegistrySettings.NONE : RegistrySettings.read(file);
    Map<String, RegistrySettings.Host> hosts = new HashMap<>(settings.registries());
    for (String host : plainHttp) {
      if (!host.matches("[^/@\\s]+") || host.startsWith("http:")) {
        throw new IllegalArgumentException("--plain-http " + host + " is not HOST[:PORT]");
      }
      hosts.put(host.toLowerCase(Locale.ROOT), RegistrySettings.Host.ofPlainHttp());
    }
    return new RegistrySettings(hosts);
  }
}
