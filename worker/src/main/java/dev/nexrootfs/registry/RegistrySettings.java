package dev.nexrootfs.registry;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What an operator configures about registries, by the host that references name.
 *
 * <pre>{@code
 * {"registries": {
 *    "docker.io":              {"mirrors": ["https://mirror.example/hub"]},
 *    "registry.internal:5000": {"plainHttp": true},
 *    "registry.example":       {"ca": "/etc/nex-rootfs/ca.pem", "hosts": ["auth.internal"]}}}
 * }</pre>
 *
 * @param registries by host and port
 */
public record RegistrySettings(
    @JsonProperty(required = true, value = "registries") Map<String, Host> registries) {
  /** Nothing is configured. */
  public static final RegistrySettings NONE = new RegistrySettings(Map.of());

  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * One registry.
   *
   * @param plainHttp whether it is spoken to without TLS
   * @param ca PEM file of the certificates that its own may be signed with
   * @param cert PEM file of the client's certificate
   * @param key PEM file of the client's key
   * @param mirrors are asked first, in this order; each a URL up to what stands before {@code /v2/}
   * @param hosts further hosts that it may lead to, for tokens and by redirects, though they have
   *     private addresses
   */
  public record Host(
      boolean plainHttp,
      @Nullable String ca,
      @Nullable String cert,
      @Nullable String key,
      @Nullable List<URI> mirrors,
      @Nullable List<String> hosts) {
    static final Host USUAL = new Host(false, null, null, null, null, null);

    /** Checks the mirrors' form. */
    public Host {
      mirrors = mirrors == null ? List.of() : List.copyOf(mirrors);
      hosts = hosts == null ? List.of() : List.copyOf(hosts);
      for (URI mirror : mirrors) {
        boolean http = "https".equals(mirror.getScheme()) || "http".equals(mirror.getScheme());
        if (!http || mirror.getHost() == null || mirror.getRawQuery() != null) {
          throw new IllegalArgumentException(
              "the mirror " + mirror.getHost() + " is not https://HOST[:PORT][/PATH]");
        }
        if (mirror.getRawUserInfo() != null) {
          throw new IllegalArgumentException(
              "the mirror " + mirror.getHost() + " holds credentials; they go to auth.json");
        }
      }
    }

    /** Is spoken to without TLS, otherwise as usual. */
    public static Host ofPlainHttp() {
      return new Host(true, null, null, null, null, null);
    }

    boolean hasTls() {
      return ca != null || cert != null;
    }

    List<String> hostsOrNone() {
      return hosts == null ? List.of() : hosts;
    }

    List<URI> mirrorsOrNone() {
      return mirrors == null ? List.of() : mirrors;
    }
  }

  /** Copies the map. */
  public RegistrySettings {
    registries = Map.copyOf(registries);
  }

  /**
   * Reads a file.
   *
   * @throws IOException where it cannot be read or has an unknown field; the message says where
   */
  public static RegistrySettings read(Path file) throws IOException {
    try {
      return JSON.readValue(Files.readAllBytes(file), RegistrySettings.class);
    } catch (JacksonException e) {
      String line = e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
      throw new IOException(file + line + ": " + e.getOriginalMessage(), e);
    }
  }

  /** What is configured for {@code host}; the usual where nothing is. */
  Host of(String host) {
    return registries.getOrDefault(host, Host.USUAL);
  }

  boolean knows(String host) {
    return registries.containsKey(host);
  }
}
