package dev.nexrootfs.registry;

import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.OciImages;
import dev.nexrootfs.oracle.Tar;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * A small image, as a registry serves it.
 *
 * @param tar the layer, decoded
 * @param layer the layer, gzipped
 * @param config the configuration
 * @param manifest the manifest
 */
record ServedImage(byte[] tar, byte[] layer, byte[] config, byte[] manifest) {
  static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";
  static final String INDEX = "application/vnd.oci.image.index.v1+json";

  static ServedImage of(String content) throws IOException {
    return of(content, "amd64", "");
  }

  static ServedImage of(String content, String architecture, String variant) throws IOException {
    byte[] tar = new Tar().directory("etc/").file("etc/content", content).bytes();
    byte[] layer = OciImages.gzip(tar);
    byte[] config =
        utf8(
            "{\"created\":\"2020-01-02T03:04:05Z\",\"os\":\"linux\",\"architecture\":\""
                + architecture
                + "\""
                + (variant.isEmpty() ? "" : ",\"variant\":\"" + variant + "\"")
                + ",\"unknown\":{\"x\":[1]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\""
                + Digest.sha256(tar)
                + "\"]}}");
    byte[] manifest =
        utf8(
            "{\"schemaVersion\":2,\"mediaType\":\""
                + MANIFEST
                + "\",\"config\":"
                + descriptor("application/vnd.oci.image.config.v1+json", config)
                + ",\"layers\":["
                + descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)
                + "]}");
    return new ServedImage(tar, layer, config, manifest);
  }

  Digest digest() {
    return Digest.sha256(manifest);
  }

  Digest layerDigest() {
    return Digest.sha256(layer);
  }

  String blobPath(String repository, byte[] blob) {
    return "/v2/" + repository + "/blobs/" + Digest.sha256(blob);
  }

  String manifestPath(String repository) {
    return "/v2/" + repository + "/manifests/" + digest();
  }

  /** Lays the image down at {@code repository} under {@code tag}. */
  ScriptedRegistry serve(ScriptedRegistry registry, String repository, String tag) {
    ScriptedRegistry.Reply reply =
        ScriptedRegistry.body(
            200, manifest, "Content-Type", MANIFEST, "Docker-Content-Digest", digest().toString());
    String byTag = "/v2/" + repository + "/manifests/" + tag;
    return registry
        .on("HEAD " + byTag, reply)
        .on("GET " + byTag, reply)
        .on("GET " + manifestPath(repository), reply)
        .on("GET " + blobPath(repository, config), ScriptedRegistry.ranged(config))
        .on("GET " + blobPath(repository, layer), ScriptedRegistry.ranged(layer));
  }

  static String descriptor(String mediaType, byte[] blob) {
    return "{\"mediaType\":\""
        + mediaType
        + "\",\"digest\":\""
        + Digest.sha256(blob)
        + "\",\"size\":"
        + blob.length
        + "}";
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
