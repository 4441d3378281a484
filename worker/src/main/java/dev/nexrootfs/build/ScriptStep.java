package dev.nexrootfs.build;

import dev.nexrootfs.layer.DerivedLayers;
import dev.nexrootfs.layer.DerivedLayers.Derived;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.SpooledInput;
import dev.nexrootfs.oci.Digest;
import dev.nexrootfs.oci.Image;
import dev.nexrootfs.oci.ImageConfig;
import dev.nexrootfs.oci.Platform;
import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.Network;
import dev.nexrootfs.protocol.RequestException;
import dev.nexrootfs.protocol.ScriptReport;
import dev.nexrootfs.sandbox.SandboxChoice;
import dev.nexrootfs.sandbox.Script;
import dev.nexrootfs.sandbox.ScriptOutput;
import dev.nexrootfs.sandbox.ScriptRun;
import dev.nexrootfs.tree.FileTree;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;

/**
 * The setup scripts of requests: runs one over a tree, or finds what it did the last time.
 *
 * @param sandbox where scripts run
 * @param allowNetwork whether a request may ask for the network
 * @param verify whether each script is run twice, and has to do the same
 */
public record ScriptStep(SandboxChoice sandbox, boolean allowNetwork, boolean verify) {
  private static final Map<String, String> ARCHITECTURES =
      Map.of("amd64", "amd64", "aarch64", "arm64");

  /** The kernel takes 128 KiB for one variable. */
  private static final long MAX_ENVIRONMENT_BYTES = 64 << 10;

  /** For whoever runs no scripts. */
  public static final ScriptStep NONE =
      new ScriptStep(SandboxChoice.none("this program runs none"), false, false);

  /** What a script did: a layer, which the caller closes, and what the requester is told. */
  record Outcome(Derived derived, ScriptReport report) {}

  /** Checks whether this worker runs the script of {@code request}, if that has one. */
  void admit(BuildRequest request) throws RequestException {
    if (request.script() == null) {
      return;
    }
    if (sandbox.run().isEmpty()) {
      throw new RequestException(
          ErrorCode.SCRIPT_UNSUPPORTED,
          "script: this worker runs no scripts: "
              + sandbox.reason()
              + ". Without a script the same request is built; its work can be done in the base image");
    }
    String own = ARCHITECTURES.get(System.getProperty("os.arch", ""));
    Platform platform = Platform.parse(request.platform());
    if (!String.valueOf(platform.architecture()).equals(own)) {
      throw new RequestException(
          ErrorCode.SCRIPT_UNSUPPORTED,
          "script: this worker runs programs for "
              + own
              + ", not for "
              + request.platform()
              + "; ask a pool of such machines, or do the script's work in the base image");
    }
    if (request.network() == Network.HOST && !allowNetwork) {
      throw new RequestException(
          ErrorCode.SCRIPT_NOT_ALLOWED,
          "network: host; this worker's operator does not let scripts reach the network"
              + " (--allow-script-network does). Put what the script fetches into files, or into the"
              + " base image");
    }
  }

  /**
   * Runs the script of {@code resolved} over {@code tree}, which stays as it is.
   *
   * @param time the latest time that a changed file may have
   */
  Outcome run(
      BuildRequest request,
      ResolvedInputs resolved,
      FileTree tree,
      Instant time,
      LayerCache cache,
      Progress progress)
      throws IOException, RequestException {
    ScriptRun run = sandbox.run().orElseThrow();
    SpooledInput text = resolved.script().orElseThrow();
    Script script =
        new Script(
            bytes(text),
            request.network() == Network.HOST,
            environment(resolved.image().config()),
            time);
    DerivedLayers derived = new DerivedLayers(cache);
    Digest key = key(request, resolved, time, run);
    String isolation = run.isolation().text();
    if (verify) {
      ScriptVerification.check(cache, out -> runOnce(run, tree, script, progress, out));
    }
    Derived result = derived.get(key, out -> runOnce(run, tree, script, progress, out));
    return new Outcome(result, new ScriptReport(isolation, result.cached(), result.note()));
  }

  private static String runOnce(
      ScriptRun run, FileTree tree, Script script, Progress progress, OutputStream layer)
      throws IOException {
    int percent = Phase.SCRIPT.percent();
    progress.report(Phase.SCRIPT, percent, "running the script in " + run.isolation().text());
    Line line = new Line();
    ScriptOutput output =
        new ScriptOutput(line::set, () -> progress.report(Phase.SCRIPT, percent, line.get()));
    run.run(tree, script, output, layer);
    return output.tail();
  }

  /** The last line that a script said. */
  private static final class Line {
    private volatile String text = "the script runs";

    void set(String next) {
      text = next;
    }

    String get() {
      return text;
    }
  }

  private static byte[] bytes(SpooledInput text) throws IOException {
    java.nio.ByteBuffer bytes = java.nio.ByteBuffer.allocate((int) text.size());
    text.content().read(0, bytes);
    return bytes.array();
  }

  private static Map<String, String> environment(ImageConfig config) throws RequestException {
    Map<String, String> environment = config.environment();
    long bytes = 0;
    for (Map.Entry<String, String> variable : environment.entrySet()) {
      bytes += assignment(variable).length;
      if (variable.getKey().indexOf(0) >= 0 || variable.getValue().indexOf(0) >= 0) {
        throw new RequestException(
            ErrorCode.INVALID_IMAGE,
            "image: its configuration's Env has a NUL in "
                + variable.getKey().replace("\0", "\\0"));
      }
    }
    if (bytes > MAX_ENVIRONMENT_BYTES) {
      throw new RequestException(
          ErrorCode.INVALID_IMAGE,
          "image: its configuration's Env has "
              + bytes
              + " bytes; a script takes "
              + MAX_ENVIRONMENT_BYTES);
    }
    return environment;
  }

  private static byte[] assignment(Map.Entry<String, String> variable) {
    return (variable.getKey() + "=" + variable.getValue()).getBytes(StandardCharsets.UTF_8);
  }

  /** All that a script's result depends on, but the network. */
  private static Digest key(
      BuildRequest request, ResolvedInputs resolved, Instant time, ScriptRun run) {
    StringBuilder text = new StringBuilder();
    text.append("version ").append(ScriptRun.VERSION).append('\n');
    text.append("isolation ").append(run.isolation().text()).append('\n');
    text.append("network ").append(request.network()).append('\n');
    text.append("time ").append(time).append('\n');
    text.append("script ").append(resolved.script().orElseThrow().digest()).append('\n');
    for (Image.Layer layer : resolved.image().layers()) {
      text.append("layer ").append(layer.diffId()).append('\n');
    }
    for (Map.Entry<String, String> variable : resolved.image().config().environment().entrySet()) {
      text.append("environment ").append(Digest.sha256(assignment(variable))).append('\n');
    }
    for (ResolvedInputs.AddedFile file : resolved.files()) {
      text.append("file ").append(file.digest()).append(' ');
      text.append(file.spec().permissions()).append(' ').append(file.spec().uid()).append(' ');
      text.append(file.spec().gid()).append(' ').append(file.spec().path()).append('\n');
    }
    return Digest.sha256(text.toString().getBytes(StandardCharsets.UTF_8));
  }
}
