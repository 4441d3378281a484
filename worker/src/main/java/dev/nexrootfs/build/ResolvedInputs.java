package dev.nexrootfs.build;

import dev.nexrootfs.layer.SpooledInput;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.FileSpec;
import dev.nexrootfs.protocol.Guest;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.tree.ByteContent;
import dev.nexrootfs.tree.Content;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All that a build is made of, known by digests, before anything is built.
 *
 * @param image the base image
 * @param agent the agent, for the guest that has one
 * @param files the files to add, in the request's order
 * @param bootScript what the guest runs once
 * @param script the setup script, where there is one
 */
record ResolvedInputs(
    Image image,
    Optional<SpooledInput> agent,
    List<AddedFile> files,
    Optional<BootScript> bootScript,
    Optional<SpooledInput> script)
    implements Closeable {
  private static final Logger LOG = LoggerFactory.getLogger(ResolvedInputs.class);

  /**
   * A file to add.
   *
   * @param spec what the request says of it
   * @param content its bytes
   * @param digest their digest
   */
  record AddedFile(FileSpec spec, Content content, Digest digest) {}

  /** Finds and checks the inputs of {@code request}. */
  static ResolvedInputs of(BuildRequest request, Inputs inputs, InputLog log)
      throws IOException, RequestException {
    Platform platform = Platform.parse(request.platform());
    List<Closeable> opened = new ArrayList<>();
    boolean complete = false;
    try {
      Image image = inputs.image(request.image(), platform, log);
      opened.add(image.blobs());
      Optional<SpooledInput> agent = Optional.empty();
      if (request.guest() == Guest.NEX && request.agent() != null) {
        SpooledInput spooled = inputs.spool("agent", request.agent(), log);
        opened.add(spooled);
        AgentBinary.check(spooled.content(), platform, request.agent());
        agent = Optional.of(spooled);
      }
      List<AddedFile> files = new ArrayList<>();
      for (FileSpec spec : request.files()) {
        files.add(file(spec, inputs, opened, log));
      }
      Optional<BootScript> bootScript = BootScript.of(request, inputs, log);
      Optional<SpooledInput> script = Optional.empty();
      if (request.script() != null) {
        script = Optional.of(inputs.script(request.script(), log));
        opened.add(script.get());
      }
      complete = true;
      return new ResolvedInputs(image, agent, List.copyOf(files), bootScript, script);
    } finally {
      if (!complete) {
        closeAll(opened);
      }
    }
  }

  private static AddedFile file(FileSpec spec, Inputs inputs, List<Closeable> opened, InputLog log)
      throws IOException, RequestException {
    if (spec.source() == null) {
      byte[] text = String.valueOf(spec.text()).getBytes(StandardCharsets.UTF_8);
      return new AddedFile(spec, new ByteContent(text), Digest.sha256(text));
    }
    SpooledInput spooled = inputs.spool("files[] " + spec.path(), spec.source(), log);
    opened.add(spooled);
    return new AddedFile(spec, spooled.content(), spooled.digest());
  }

  @Override
  public void close() {
    List<Closeable> opened = new ArrayList<>();
    opened.add(image.blobs());
    agent.ifPresent(opened::add);
    script.ifPresent(opened::add);
    for (AddedFile file : files) {
      if (file.content() instanceof dev.nexrootfs.layer.FileSlice slice) {
        opened.add(slice.channel());
      }
    }
    closeAll(opened);
  }

  private static void closeAll(List<Closeable> opened) {
    for (Closeable closeable : opened) {
      try {
        closeable.close();
      } catch (IOException e) {
        LOG.warn("an input could not be closed: {}", e.toString());
      }
    }
  }
}
