package dev.nexrootfs.build;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.nexrootfs.ext4.ImageProfile;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.sandbox.ScriptRun;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Optional;
import java.util.UUID;

/**
 * The SHA-256 of everything that decides an image's bytes. Two builds of one key give the same
 * image, on any worker.
 *
 * @param digest the key
 */
record BuildKey(Digest digest) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The key of {@code request} with {@code inputs}. */
  static BuildKey of(
      BuildRequest request, ResolvedInputs inputs, Optional<Instant> sourceDateEpoch) {
    JsonNodeFactory nodes = JsonNodeFactory.instance;
    ObjectNode canonical = nodes.objectNode();
    canonical.put("layoutVersion", ImageProfile.LAYOUT_VERSION);
    canonical.put("guestVersion", NexGuest.VERSION);
    canonical.put("baseManifest", inputs.image().manifestDigest().text());
    canonical.put("platform", request.platform());
    canonical.put("guest", request.guest().name());
    canonical.put("agent", inputs.agent().map(agent -> agent.digest().text()).orElse(null));
    ArrayNode files = canonical.putArray("files");
    for (ResolvedInputs.AddedFile file : inputs.files()) {
      ObjectNode node = files.addObject();
      node.put("path", file.spec().path());
      node.put("digest", file.digest().text());
      node.put("mode", file.spec().permissions());
      node.put("uid", file.spec().uid());
      node.put("gid", file.spec().gid());
    }
    inputs.bootScript().ifPresent(script -> canonical.put("bootScript", script.digest().text()));
    if (request.rootPassword() != null) {
      canonical.put("rootPassword", request.rootPassword());
    }
    canonical.put("size", request.size().toString());
    inputs
        .script()
        .ifPresent(
            script -> {
              canonical.put("script", script.digest().text());
              canonical.put("network", request.network().name());
              canonical.put("scriptVersion", ScriptRun.VERSION);
            });
    sourceDateEpoch.ifPresent(epoch -> canonical.put("sourceDateEpoch", epoch.getEpochSecond()));
    try {
      return new BuildKey(Digest.sha256(JSON.writeValueAsBytes(canonical)));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("the canonical form of a request is not JSON", e);
    }
  }

  /** The file system's UUID: the first 16 bytes of the key, as a version 8 UUID (RFC 9562). */
  UUID uuid() {
    ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(digest.hex()));
    long high = (bytes.getLong() & ~0xF000L) | 0x8000L;
    long low = (bytes.getLong() & ~(3L << 62)) | 1L << 63;
    return new UUID(high, low);
  }

  /**
   * The object's name. Nex finds it as {@code nats://BUCKET/build_HEX}, or as {@code
   * nats://BUCKET/build:HEX}.
   */
  String objectName() {
    return "build_" + digest.hex();
  }
}
