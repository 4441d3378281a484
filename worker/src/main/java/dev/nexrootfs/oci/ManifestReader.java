package dev.nexrootfs.oci;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** From an index or a manifest to the one image for a platform. */
final class ManifestReader {
  /** The cap that registries put on a manifest. */
  static final int MAX_DOCUMENT_BYTES = 4 << 20;

  private static final int MAX_DEPTH = 4;
  private static final int MAX_DOCUMENTS = 256;
  private static final int MAX_SEEN = 20;

  /** Most layers of an image. */
  static final int MAX_LAYERS = 1024;

  static final ObjectMapper JSON =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  private final BlobSource blobs;
  private final Platform platform;
  private final Set<String> seen = new TreeSet<>();
  private final Set<Digest> visited = new HashSet<>();

  ManifestReader(BlobSource blobs, Platform platform) {
    this.blobs = blobs;
    this.platform = platform;
  }

  /**
   * The first image among {@code candidates}, in their order and depth first, that the platform
   * accepts.
   */
  Image select(List<Descriptor> candidates) throws IOException {
    return find(candidates, 0)
        .orElseThrow(
            () ->
                new ImageNotFoundException(
                    blobs.place()
                        + ": no image for "
                        + platform
                        + "; there is "
                        + (seen.isEmpty() ? "none at all" : String.join(", ", seen))));
  }

  private Optional<Image> find(List<Descriptor> candidates, int depth) throws IOException {
    if (depth > MAX_DEPTH) {
      throw new InvalidImageException(
          blobs.place() + ": indexes are nested deeper than " + MAX_DEPTH);
    }
    for (Descriptor candidate : candidates) {
      if (candidate.isAttestation()) {
        continue;
      }
      if (candidate.platform() != null && !platform.accepts(candidate.platform())) {
        note(candidate.platform());
        continue;
      }
      if (!visited.add(candidate.digest())) {
        continue;
      }
      if (visited.size() > MAX_DOCUMENTS) {
        throw new InvalidImageException(
            blobs.place()
                + ": more than "
                + MAX_DOCUMENTS
                + " manifests and indexes to look through");
      }
      Manifest document =
          parse(candidate.digest(), blobs.read(candidate, MAX_DOCUMENT_BYTES), Manifest.class);
      Optional<Image> found =
          document.isIndex()
              ? find(Objects.requireNonNull(document.manifests()), depth + 1)
              : image(candidate, document);
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  private void note(Platform offered) {
    if (seen.size() < MAX_SEEN) {
      seen.add(offered.toString());
    }
  }

  private Optional<Image> image(Descriptor descriptor, Manifest manifest) throws IOException {
    if (!manifest.isImage()) {
      throw new InvalidImageException(
          blobs.place()
              + ": "
              + descriptor.digest()
              + " ("
              + descriptor.mediaTypeOrEmpty()
              + ", schema "
              + manifest.schemaVersion()
              + ") is neither an image manifest nor an index");
    }
    Descriptor configDescriptor = Objects.requireNonNull(manifest.config());
    ImageConfig config =
        parse(
            configDescriptor.digest(),
            blobs.read(configDescriptor, MAX_DOCUMENT_BYTES),
            ImageConfig.class);
    if (!platform.accepts(config.platform())) {
      note(config.platform());
      return Optional.empty();
    }
    List<Image.Layer> layers =
        layers(descriptor.digest(), Objects.requireNonNull(manifest.layers()), config.diffIds());
    return Optional.of(new Image(descriptor.digest(), config, layers, blobs));
  }

  private List<Image.Layer> layers(
      Digest manifest, List<Descriptor> blobsOfLayers, List<Digest> diffIds)
      throws InvalidImageException {
    if (blobsOfLayers.size() != diffIds.size() || blobsOfLayers.size() > MAX_LAYERS) {
      throw new InvalidImageException(
          blobs.place()
              + ": manifest "
              + manifest
              + " has "
              + blobsOfLayers.size()
              + " layers and its config "
              + diffIds.size()
              + " diff_ids; they have to be as many, at most "
              + MAX_LAYERS);
    }
    List<Image.Layer> layers = new ArrayList<>();
    for (int i = 0; i < diffIds.size(); i++) {
      Descriptor blob = blobsOfLayers.get(i);
      if (blob.mediaTypeOrEmpty().contains("+encrypted")) {
        throw new InvalidImageException(
            blobs.place() + ": layer " + blob.digest() + " is encrypted");
      }
      layers.add(new Image.Layer(blob, diffIds.get(i)));
    }
    return layers;
  }

  /** A document of an image. */
  <T> T parse(Object what, byte[] json, Class<T> type) throws InvalidImageException {
    return parse(blobs.place(), what, json, type);
  }

  /** A document of an image; the message of the parser is kept to what is wrong. */
  static <T> T parse(String place, Object what, byte[] json, Class<T> type)
      throws InvalidImageException {
    try {
      T document = JSON.readValue(json, type);
      if (document == null) {
        throw new InvalidImageException(place + ": " + what + " is null, not a document");
      }
      return document;
    } catch (JacksonException e) {
      throw new InvalidImageException(place + ": " + what + ": " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new InvalidImageException(place + ": " + what + " cannot be read", e);
    }
  }

  /** The tags of a layout's index, for a message. */
  static String tags(List<Descriptor> manifests) {
    return manifests.stream()
        .map(Descriptor::refName)
        .filter(name -> !name.isEmpty())
        .distinct()
        .collect(Collectors.joining(", "));
  }
}
