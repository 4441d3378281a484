package dev.nexrootfs.registry;

import dev.nexrootfs.oci.Descriptor;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.ImageReference;
import dev.nexrootfs.oci.ManifestReader;
import dev.nexrootfs.oci.Platform;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** Pulls of tests: impatient, without a cache, from registries on loopback. */
final class Pulls implements AutoCloseable {
  static final Patience IMPATIENT =
      new Patience(
          3,
          Duration.ofMillis(2),
          Duration.ofMillis(1500),
          Duration.ofSeconds(5),
          Duration.ofSeconds(5),
          Duration.ofMillis(300));

  private final Map<String, RegistrySettings.Host> hosts = new HashMap<>();
  private final Map<String, String> environment = new HashMap<>();
  private CredentialStore credentials = CredentialStore.none();
  private RegistryPolicy policy = RegistryPolicy.ALL;
  private Registries registries = registries();

  static Pulls from(ScriptedRegistry... plain) {
    Pulls pulls = new Pulls();
    for (ScriptedRegistry registry : plain) {
      pulls.hosts.put(registry.host(), RegistrySettings.Host.ofPlainHttp());
    }
    return pulls.again();
  }

  Pulls host(String host, RegistrySettings.Host settings) {
    hosts.put(host, settings);
    return again();
  }

  Pulls credentials(CredentialStore store) {
    credentials = store;
    return again();
  }

  Pulls policy(RegistryPolicy chosen) {
    policy = chosen;
    return again();
  }

  Pulls environment(String name, String value) {
    environment.put(name, value);
    return again();
  }

  private Pulls again() {
    registries.close();
    registries = registries();
    return this;
  }

  private Registries registries() {
    return new Registries(
        new RegistrySettings(hosts),
        credentials,
        policy,
        ProxyEnvironment.of(environment),
        IMPATIENT,
        "test/1");
  }

  Registries get() {
    return registries;
  }

  RegistryRepository repository(String reference) throws IOException {
    return registries.repository(ImageReference.parse(reference));
  }

  Image image(String reference) throws IOException {
    return image(reference, "linux/amd64");
  }

  Image image(String reference, String platform) throws IOException {
    RegistryRepository repository = repository(reference);
    Descriptor root = repository.resolve(digest -> OptionalLong.empty());
    return ManifestReader.read(repository, root, Platform.parse(platform));
  }

  /** All layers' blobs, verified. */
  List<byte[]> blobs(String reference) throws IOException {
    Image image = image(reference);
    List<byte[]> blobs = new java.util.ArrayList<>();
    for (Image.Layer layer : image.layers()) {
      try (InputStream in = image.blobs().openVerified(layer.blob())) {
        blobs.add(in.readAllBytes());
      }
    }
    return blobs;
  }

  static RegistrySettings.Host plainWith(List<String> mirrors, List<String> hosts) {
    return new RegistrySettings.Host(
        true, null, null, null, mirrors.stream().map(java.net.URI::create).toList(), hosts);
  }

  @Override
  public void close() {
    registries.close();
  }
}
