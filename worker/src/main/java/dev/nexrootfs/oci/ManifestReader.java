package dev.nexrootfs.oci;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** From an index or a manifest to the one image for a platform. */
public final class ManifestReader {
  /** The cap that registries put on a manifest. */
  public static final int MAX_DOCUMENT_BYTES = 4 << 20;

  private static final int MAX_DEPTH = 4;
  private static final int MAX_DOCUMENTS = 256;
  private static final int MAX_SEEN = 20;

  /** Most layers of an image. */
  static final int MAX_LAYERS = 1024;

  static final ObjectMapper JSON =
      JsonMapper.builder()
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .build();

  private final BlobSource blobs;
  private final Platform platform;
  private final Set<String> seen = new TreeSet<>();
  private final Set<Digest> visited = new HashSet<>();

  ManifestReader(BlobSource blobs, Platform platform) {
    this.blobs = blobs;
    this.platform = platform;
  }

  /**
   * The image that {@code root}, a manifest or an index in {@code blobs}, has for {@code platform}.
   *
   * @throws ImageNotFoundException where it has none; the message lists what it has
   * @throws InvalidImageException where a document is malformed, or of a form that no layers can be
   *     read from
   */
  public static Image read(BlobSource blobs, Descriptor root, Platform platform)
      throws IOException {
    return new ManifestReader(blobs, platform).select(List.of(root));
  }

  /**
   * The image among {@code candidates} that suits the platform best; of equals the first, depth
   * first.
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
    for (Descriptor candidate : suitable(candidates)) {
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
      checkType(candidate, document);
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

  /**
   * The candidates that can hold an image for the platform, best first; what an index lists without
   * a platform comes last, since only its configuration tells.
   */
  private List<Descriptor> suitable(List<Descriptor> candidates) {
    Map<Descriptor, Integer> ranks = new LinkedHashMap<>();
    for (Descriptor candidate : candidates) {
      String type = candidate.mediaTypeOrEmpty();
      if (candidate.isAttestation()) {
        continue;
      }
      if (!type.isEmpty() && !MediaTypes.isDocument(type)) {
        note(type); // image-index.md: a type that is not known is not an error
        continue;
      }
      if (candidate.platform() == null) {
        ranks.putIfAbsent(candidate, -1);
        continue;
      }
      OptionalInt rank = platform.suits(candidate.platform());
      if (rank.isPresent()) {
        ranks.putIfAbsent(candidate, rank.getAsInt());
      } else {
        note(candidate.platform().toString());
      }
    }
    return ranks.entrySet().stream()
        .sorted(Map.Entry.<Descriptor, Integer>comparingByValue().reversed())
        .map(Map.Entry::getKey)
        .toList();
  }

  /** A document that says of itself what its descriptor does not say is a confusion of types. */
  private void checkType(Descriptor descriptor, Manifest document) throws InvalidImageException {
    String promised = descriptor.mediaTypeOrEmpty();
    String own = document.mediaType() == null ? "" : document.mediaType();
    if (MediaTypes.isSchema1(promised)
        || MediaTypes.isSchema1(own)
        || document.schemaVersion() == 1) {
      throw new InvalidImageException(
          blobs.place()
              + ": "
              + descriptor.digest()
              + " is a Docker image manifest of schema 1, which does not name its layers by their content; pull and push the image again with a current docker or skopeo");
    }
    boolean other = !promised.isEmpty() && !own.isEmpty() && !promised.equals(own);
    boolean wrongShape =
        document.isIndex() ? MediaTypes.isManifest(promised) : MediaTypes.isIndex(promised);
    if (other || wrongShape) {
      throw new InvalidImageException(
          blobs.place()
              + ": "
              + descriptor.digest()
              + " is announced as "
              + promised
              + " and is "
              + (own.isEmpty() ? "of another shape" : own));
    }
  }

  private void note(String offered) {
    if (seen.size() < MAX_SEEN) {
      seen.add(offered);
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
    String configType = configDescriptor.mediaTypeOrEmpty();
    if (!configType.isEmpty() && !MediaTypes.isImageConfig(configType)) {
      note("an artifact of " + configType);
      return Optional.empty();
    }
    ImageConfig config =
        parse(
            configDescriptor.digest(),
            blobs.read(configDescriptor, MAX_DOCUMENT_BYTES),
            ImageConfig.class);
    if (!platform.accepts(config.platform())) {
      note(config.platform().toString());
      return Optional.empty();
    }
    if (config.rootfs() != null
        && config.rootfs().type() != null
        && !config.rootfs().type().equals("layers")) {
      throw new InvalidImageException(
          blobs.place()
              + ": config "
              + configDescriptor.digest()
              + " has rootfs.type \""
              + config.rootfs().type()
              + "\", not \"layers\"");
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
      checkLayerType(blob);
      layers.add(new Image.Layer(blob, diffIds.get(i)));
    }
    return layers;
  }

  private void checkLayerType(Descriptor blob) throws InvalidImageException {
    String type = blob.mediaTypeOrEmpty();
    if (type.contains("+encrypted")) {
      throw new InvalidImageException(
          blobs.place() + ": layer " + blob.digest() + " is encrypted; give a decrypted image");
    }
    if (!type.isEmpty() && !MediaTypes.isLayer(type)) {
      throw new InvalidImageException(
          blobs.place() + ": layer " + blob.digest() + " is of " + type + ", which is no layer");
    }
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
    } catch (MismatchedInputException e) {
      throw new InvalidImageException(
          place + ": " + what + field(e) + ": not of the JSON type that belongs there", e);
    } catch (JacksonException e) {
      throw new InvalidImageException(place + ": " + what + ": " + e.getOriginalMessage(), e);
    } catch (IOException e) {
      throw new InvalidImageException(place + ": " + what + " cannot be read", e);
    }
  }

  /** Where in a document an exception is, as {@code layers[0].size}; empty for all of it. */
  private static String field(JsonMappingException e) {
    return e.getPath().stream()
        .map(
            step ->
                step.getFieldName() == null
                    ? "[" + step.getIndex() + "]"
                    : "." + step.getFieldName())
        .collect(Collectors.joining())
        .replaceFirst("^\\.", " ");
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
