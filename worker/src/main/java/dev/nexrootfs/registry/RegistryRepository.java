package dev.nexrootfs.registry;

import dev.nexrootfs.oci.BlobSource;
import dev.nexrootfs.oci.Descriptor;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.DigestMismatchException;
import dev.nexrootfs.oci.ImageReference;
import dev.nexrootfs.oci.InvalidImageException;
import dev.nexrootfs.oci.ManifestReader;
import dev.nexrootfs.oci.MediaTypes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * One repository of a registry: which manifest a reference means, and its blobs. Mirrors are asked
 * before the registry, and one that fails, or serves what does not hash, is passed over.
 */
public final class RegistryRepository implements BlobSource {
  private final RegistryClient client;
  private final ImageReference reference;
  private final List<Endpoint> endpoints;

  /** Documents that were read to find the manifest; nobody should ask for them again. */
  private final Map<Digest, byte[]> documents = new ConcurrentHashMap<>();

  private final Map<Digest, Endpoint> served = new ConcurrentHashMap<>();
  private final Map<Digest, Set<Endpoint>> rejected = new ConcurrentHashMap<>();
  private volatile Optional<Digest> root = Optional.empty();

  RegistryRepository(RegistryClient client, ImageReference reference, List<Endpoint> endpoints) {
    this.client = client;
    this.reference = reference;
    this.endpoints = List.copyOf(endpoints);
  }

  /**
   * The manifest or index that the reference means. A tag is asked for by HEAD, which registries do
   * not count as a pull; a digest whose document is cached is not asked for at all.
   *
   * @param cachedSize the size of a blob that is at hand
   * @throws RegistryException where no endpoint has it
   * @throws DigestMismatchException where it is not what the reference's digest says
   */
  public Descriptor resolve(Function<Digest, OptionalLong> cachedSize) throws IOException {
    if (reference.digest().isPresent()) {
      Digest digest = reference.digest().get();
      OptionalLong size = cachedSize.apply(digest);
      Descriptor descriptor =
          size.isPresent()
              ? new Descriptor(null, digest, size.getAsLong(), null, null)
              : firstOf(endpoint -> readRoot(endpoint, digest.text()));
      root = Optional.of(digest);
      return descriptor;
    }
    try {
      Descriptor descriptor = firstOf(this::resolveTag);
      root = Optional.of(descriptor.digest());
      return descriptor;
    } catch (RegistryException e) {
      throw e.reason() == RegistryException.Reason.NOT_FOUND ? withTags(e) : e;
    }
  }

  /** Says what tags there are. */
  private RegistryException withTags(RegistryException missing) {
    Endpoint origin = endpoints.get(endpoints.size() - 1);
    List<String> tags = TagList.near(client, origin, reference.repository(), reference.manifest());
    String there = tags.isEmpty() ? "" : "; among its tags are " + String.join(", ", tags);
    return new RegistryException(
        RegistryException.Reason.NOT_FOUND, missing.getMessage() + there, missing);
  }

  private Descriptor resolveTag(Endpoint endpoint) throws IOException {
    String tag = reference.manifest();
    try (Answer answer =
        client.request(
            "HEAD", endpoint, reference.repository(), "/manifests/" + tag, acceptManifests())) {
      Optional<Digest> digest = RegistryClient.digestHeader(answer);
      OptionalLong size = answer.contentLength();
      if (digest.isPresent() && size.isPresent() && size.getAsLong() > 0) {
        return new Descriptor(
            documentType(answer.mediaType()), digest.get(), size.getAsLong(), null, null);
      }
    } catch (RegistryException e) {
      // An answer to HEAD has no body that would say why, and some registries have no HEAD.
      if (e.reason() == RegistryException.Reason.RATE_LIMITED
          || e.reason() == RegistryException.Reason.NOT_ALLOWED) {
        throw e;
      }
    }
    return readRoot(endpoint, tag);
  }

  private Descriptor readRoot(Endpoint endpoint, String tagOrDigest) throws IOException {
    try (Answer answer =
        client.request(
            "GET",
            endpoint,
            reference.repository(),
            "/manifests/" + tagOrDigest,
            acceptManifests())) {
      byte[] bytes = answer.document(ManifestReader.MAX_DOCUMENT_BYTES + 1);
      if (bytes.length > ManifestReader.MAX_DOCUMENT_BYTES) {
        throw new InvalidImageException(
            endpoint.name()
                + ": the manifest of "
                + reference
                + " has more than "
                + ManifestReader.MAX_DOCUMENT_BYTES
                + " bytes");
      }
      Digest promised =
          reference
              .digest()
              .or(() -> RegistryClient.digestHeader(answer))
              .orElse(Digest.sha256(bytes));
      if (!promised.matches(promised.newComputation().digest(bytes))) {
        throw new DigestMismatchException(
            endpoint.name()
                + ": the manifest of "
                + reference
                + " is not the "
                + promised
                + " that was promised, but "
                + Digest.sha256(bytes));
      }
      documents.put(promised, bytes);
      return new Descriptor(documentType(answer.mediaType()), promised, bytes.length, null, null);
    }
  }

  /** A Content-Type that names no kind of document says nothing; the document itself does. */
  private static @org.jspecify.annotations.Nullable String documentType(String contentType) {
    return MediaTypes.isDocument(contentType) ? contentType : null;
  }

  private static Map<String, String> acceptManifests() {
    return Map.of("Accept", String.join(", ", MediaTypes.accepted()));
  }

  /** Asks the endpoints in turn; the failure of the last one is the one to tell. */
  private Descriptor firstOf(Question question) throws IOException {
    IOException last = null;
    for (Endpoint endpoint : endpoints) {
      try {
        return question.ask(endpoint);
      } catch (RegistryException | DigestMismatchException | InvalidImageException e) {
        if (last != null) {
          e.addSuppressed(last);
        }
        last = e;
      }
    }
    throw last == null ? new IOException("no endpoint for " + reference) : last;
  }

  @FunctionalInterface
  private interface Question {
    Descriptor ask(Endpoint endpoint) throws IOException;
  }

  @Override
  public InputStream open(Descriptor descriptor) throws IOException {
    return open(descriptor, 0);
  }

  @Override
  public InputStream open(Descriptor descriptor, long from) throws IOException {
    byte[] known = documents.get(descriptor.digest());
    if (known != null) {
      return new ByteArrayInputStream(known, (int) from, known.length - (int) from);
    }
    List<Endpoint> left =
        endpoints.stream().filter(endpoint -> !isRejected(descriptor, endpoint)).toList();
    // Where every place was wrong once, another reader of the blob is told so by the registry.
    List<Endpoint> origin = endpoints.subList(endpoints.size() - 1, endpoints.size());
    return new BlobStream(this, descriptor, from, left.isEmpty() ? origin : left);
  }

  /** The bytes of {@code descriptor} from {@code from} on, at one endpoint. */
  Answer request(Endpoint endpoint, Descriptor descriptor, long from) throws IOException {
    boolean document =
        MediaTypes.isDocument(String.valueOf(descriptor.mediaType()))
            || root.equals(Optional.of(descriptor.digest()));
    Map<String, String> headers = new java.util.HashMap<>();
    if (document) {
      headers.putAll(acceptManifests());
    }
    if (from > 0) {
      headers.put("Range", "bytes=" + from + "-");
    }
    served.put(descriptor.digest(), endpoint);
    return client.request(
        "GET",
        endpoint,
        reference.repository(),
        (document ? "/manifests/" : "/blobs/") + descriptor.digest(),
        headers);
  }

  Patience patience() {
    return client.patience();
  }

  private boolean isRejected(Descriptor descriptor, Endpoint endpoint) {
    return rejected.getOrDefault(descriptor.digest(), Set.of()).contains(endpoint);
  }

  @Override
  public boolean reject(Descriptor descriptor) {
    Endpoint culprit = served.get(descriptor.digest());
    if (culprit == null) {
      return false;
    }
    rejected
        .computeIfAbsent(descriptor.digest(), unused -> ConcurrentHashMap.newKeySet())
        .add(culprit);
    return endpoints.stream().anyMatch(endpoint -> !isRejected(descriptor, endpoint));
  }

  @Override
  public String place() {
    return reference.toString();
  }

  @Override
  public void close() {
    documents.clear();
  }
}
