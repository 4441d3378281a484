package dev.nexrootfs.oci;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An archive as {@code docker save} writes it: {@code manifest.json} names a config and the layers'
 * files. It promises no digest but the diffIDs in the config, so the layers are hashed when it is
 * opened, and the image is known by its config's digest.
 */
final class DockerArchive {
  private static final int BUFFER_BYTES = 1 << 16;
  static final String MANIFEST = "manifest.json";
  private static final String LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar";

  private DockerArchive() {}

  /** One image of {@code manifest.json}. */
  @JsonIgnoreProperties(ignoreUnknown = true)
  private record Item(
      @JsonProperty("Config") @Nullable String config,
      @JsonProperty("RepoTags") @Nullable List<String> repoTags,
      @JsonProperty("Layers") @Nullable List<String> layers) {
    @SuppressWarnings("unused") // Jackson calls it
    Item {
      if (hasNull(repoTags) || hasNull(layers)) {
        throw new IllegalArgumentException("RepoTags or Layers with null");
      }
    }

    private static boolean hasNull(@Nullable List<String> names) {
      return names != null && names.stream().anyMatch(Objects::isNull);
    }

    /**
     * Whether a name is {@code tag}, whole, without its registry, or what stands behind the colon.
     */
    boolean hasTag(String tag) {
      return repoTags != null
          && repoTags.stream()
              .anyMatch(
                  name -> name.equals(tag) || name.endsWith("/" + tag) || name.endsWith(":" + tag));
    }
  }

  /**
   * The image of {@code tag}, a whole reference or what stands after its colon; empty for the only
   * one.
   */
  static Image open(TarArchive archive, String tag, Platform platform, Runnable stillWanted)
      throws IOException {
    byte[] json = archive.read(MANIFEST, ManifestReader.MAX_DOCUMENT_BYTES);
    List<Item> all =
        Arrays.asList(ManifestReader.parse(archive.place(), MANIFEST, json, Item[].class));
    if (all.stream().anyMatch(Objects::isNull)) {
      throw new InvalidImageException(
          archive.place() + ": " + MANIFEST + " with null for an image");
    }
    List<Item> tagged =
        tag.isEmpty() ? all : all.stream().filter(item -> item.hasTag(tag)).toList();
    if (tagged.size() != 1) {
      String tags =
          all.stream()
              .map(item -> String.valueOf(item.repoTags()))
              .collect(Collectors.joining(", "));
      String which =
          tag.isEmpty()
              ? " holds " + all.size() + " images; name the one you want by its tag"
              : " holds " + tagged.size() + " images with the tag " + tag;
      throw new ImageNotFoundException(
          archive.place() + which + (all.isEmpty() ? "" : "; there is " + tags));
    }
    Item item = tagged.get(0);
    if (item.config() == null || item.layers() == null) {
      throw new InvalidImageException(
          archive.place() + ": " + MANIFEST + " names no Config or no Layers");
    }
    byte[] configJson = archive.read(item.config(), ManifestReader.MAX_DOCUMENT_BYTES);
    ImageConfig config =
        ManifestReader.parse(archive.place(), item.config(), configJson, ImageConfig.class);
    if (!platform.accepts(config.platform())) {
      throw new ImageNotFoundException(
          archive.place() + ": no image for " + platform + "; there is " + config.platform());
    }
    if (config.diffIds().size() != item.layers().size()
        || item.layers().size() > ManifestReader.MAX_LAYERS) {
      throw new InvalidImageException(
          archive.place()
              + ": "
              + item.layers().size()
              + " layers and "
              + config.diffIds().size()
              + " diff_ids; they have to be as many, at most "
              + ManifestReader.MAX_LAYERS);
    }
    Blobs blobs = new Blobs(archive, stillWanted);
    List<Image.Layer> layers = new ArrayList<>();
    for (int i = 0; i < item.layers().size(); i++) {
      layers.add(new Image.Layer(blobs.describe(item.layers().get(i)), config.diffIds().get(i)));
    }
    return new Image(Digest.sha256(configJson), config, layers, blobs);
  }

  /** The layers of the archive by the digests that they turned out to have. */
  private static final class Blobs implements BlobSource {
    private final TarArchive archive;
    private final Map<Digest, String> names = new HashMap<>();
    private final Runnable stillWanted;

    /** By where its content begins: many names can lead to one file. */
    private final Map<Long, Descriptor> described = new HashMap<>();

    Blobs(TarArchive archive, Runnable stillWanted) {
      this.archive = archive;
      this.stillWanted = stillWanted;
    }

    Descriptor describe(String name) throws IOException {
      Descriptor known = described.get(archive.offset(name));
      if (known != null) {
        return known;
      }
      MessageDigest computation = Digest.newSha256();
      byte[] buffer = new byte[BUFFER_BYTES];
      try (InputStream in = archive.open(name)) {
        for (int got = in.read(buffer); got >= 0; got = in.read(buffer)) {
          computation.update(buffer, 0, got);
          stillWanted.run();
        }
      }
      Digest digest = Digest.ofSha256(computation.digest());
      names.put(digest, name);
      Descriptor descriptor = new Descriptor(LAYER_TYPE, digest, archive.size(name), null, null);
      described.put(archive.offset(name), descriptor);
      return descriptor;
    }

    @Override
    public InputStream open(Descriptor descriptor) throws IOException {
      String name = names.get(descriptor.digest());
      if (name == null) {
        throw new InvalidImageException(place() + ": no blob " + descriptor.digest());
      }
      return archive.open(name);
    }

    @Override
    public String place() {
      return archive.place();
    }

    @Override
    public void close() throws IOException {
      archive.close();
    }
  }
}
