package dev.nexrootfs.oci;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;

/** Image layouts for tests, also such as lie. */
public final class OciImages {
  /** When the images say that they were made. */
  public static final String CREATED = "2025-06-01T12:00:00Z";

  private final Path directory;
  private final List<String> layers = new ArrayList<>();
  private final List<String> diffIds = new ArrayList<>();
  private String execution = "";
  private String architecture = "amd64";

  private OciImages(Path directory) {
    this.directory = directory;
  }

  /** A layout in {@code directory}. */
  public static OciImages in(Path directory) throws IOException {
    Files.createDirectories(directory.resolve("blobs/sha256"));
    return new OciImages(directory);
  }

  /** For another architecture than amd64. */
  public OciImages architecture(String name) {
    architecture = name;
    return this;
  }

  /** What a container of the image starts with, as JSON. */
  public OciImages config(String json) {
    execution = "\"config\":" + json + ",";
    return this;
  }

  /** Adds a gzipped layer. */
  public OciImages layer(byte[] tar) throws IOException {
    return layer(gzip(tar), Digest.sha256(tar));
  }

  /** Adds a layer as it is, with the diffID that it promises. */
  public OciImages layer(byte[] blob, Digest diffId) throws IOException {
    return layer(blob, Digest.sha256(blob), blob.length, diffId);
  }

  /** Adds a layer with promises of any kind. */
  public OciImages layer(byte[] blob, Digest digest, long size, Digest diffId) throws IOException {
    Files.write(directory.resolve("blobs/sha256").resolve(digest.hex()), blob);
    layers.add(
        String.format(
            "{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"%s\",\"size\":%d}",
            digest, size));
    diffIds.add("\"" + diffId + "\"");
    return this;
  }

  /** Adds a layer from a file, uncompressed. */
  public OciImages layerFile(Path tar) throws IOException {
    java.security.MessageDigest computation = Digest.newSha256();
    Path blob = directory.resolve("blobs/sha256/unnamed");
    try (java.io.OutputStream out =
        new java.security.DigestOutputStream(Files.newOutputStream(blob), computation)) {
      Files.copy(tar, out);
    }
    Digest digest = Digest.ofSha256(computation.digest());
    long size = Files.size(blob);
    Files.move(blob, directory.resolve("blobs/sha256").resolve(digest.hex()));
    layers.add(
        String.format(
            "{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"%s\",\"size\":%d}",
            digest, size));
    diffIds.add("\"" + digest + "\"");
    return this;
  }

  /** Writes the documents; returns the layout's directory. */
  public Path write() throws IOException {
    String config =
        String.format(
            "{\"created\":\"%s\",\"architecture\":\"%s\",\"os\":\"linux\",%s\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[%s]}}",
            CREATED, architecture, execution, String.join(",", diffIds));
    String manifest =
        "{\"schemaVersion\":2,\"config\":"
            + blob("application/vnd.oci.image.config.v1+json", config)
            + ",\"layers\":["
            + layers.stream().collect(Collectors.joining(","))
            + "]}";
    write(
        "index.json",
        "{\"schemaVersion\":2,\"manifests\":["
            + blob("application/vnd.oci.image.manifest.v1+json", manifest)
            + "]}");
    write("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    return directory;
  }

  /** Writes a blob; returns its descriptor. */
  public String blob(String mediaType, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    Digest digest = Digest.sha256(bytes);
    Files.write(directory.resolve("blobs/sha256").resolve(digest.hex()), bytes);
    return String.format(
        "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%d}", mediaType, digest, bytes.length);
  }

  /** Writes a file of the layout. */
  public void write(String name, String text) throws IOException {
    Files.writeString(directory.resolve(name), text);
  }

  /** One gzip member. */
  public static byte[] gzip(byte[] bytes) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    }
    return out.toByteArray();
  }
}
