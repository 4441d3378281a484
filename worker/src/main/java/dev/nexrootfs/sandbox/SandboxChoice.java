package dev.nexrootfs.sandbox;

import dev.nexrootfs.layer.LayerCache;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which sandbox this machine gives, found out by a try of each.
 *
 * @param run runs scripts in it; empty where there is none
 * @param reason why there is none, and what an operator can do
 */
public record SandboxChoice(Optional<ScriptRun> run, String reason) {
  private static final Logger LOG = LoggerFactory.getLogger(SandboxChoice.class);

  /** No sandbox, because none is wanted. */
  public static SandboxChoice none(String reason) {
    return new SandboxChoice(Optional.empty(), reason);
  }

  /** The name of what scripts run in, or {@code none}. */
  public String isolation() {
    return run.map(chosen -> chosen.isolation().text()).orElse("none");
  }

  /**
   * Tries what there is, the strongest first.
   *
   * @param trusted whether the operator trusts all scripts, so that a sandbox may be none
   * @param spool where archives lie meanwhile
   * @param scratch where a sandbox without a file system of its own may make directories
   */
  public static SandboxChoice find(
      ScriptLimits limits, boolean trusted, LayerCache spool, Path scratch) throws IOException {
    String architecture = System.getProperty("os.arch", "");
    Optional<byte[]> filter = SeccompFilter.of(architecture);
    if (filter.isEmpty() || !Probe.knows(architecture)) {
      return none("scripts run on x86-64 and AArch64 only, and this machine is " + architecture);
    }
    List<String> reasons = new ArrayList<>();
    boolean root = uid() == 0;
    if (root) {
      ChrootSandbox.sweep(scratch);
    }
    for (Candidate candidate : candidates(root, trusted, filter.get(), scratch)) {
      try {
        ScriptSandbox sandbox = candidate.make();
        boolean userXattrs = Probe.of(sandbox, architecture, spool);
        LOG.info(
            "scripts run in {}{}",
            sandbox.isolation().text(),
            reasons.isEmpty() ? "" : ", because " + String.join("; ", reasons));
        return new SandboxChoice(
            Optional.of(new ScriptRun(sandbox, userXattrs, limits, spool)), "");
      } catch (UnavailableException | IOException e) {
        reasons.add(candidate.name() + ": " + e.getMessage());
      }
    }
    String more =
        root && !trusted
            ? "; or, where every script is trusted, start the worker with --trust-scripts"
            : "";
    String reason = String.join("; ", reasons) + more;
    LOG.info("requests with a script are refused: {}", reason);
    return none(reason);
  }

  /** A sandbox to try. */
  private record Candidate(String name, Maker maker) {
    ScriptSandbox make() throws IOException, UnavailableException {
      return maker.make();
    }
  }

  /** Makes a sandbox. */
  @FunctionalInterface
  private interface Maker {
    ScriptSandbox make() throws IOException, UnavailableException;
  }

  private static List<Candidate> candidates(
      boolean root, boolean trusted, byte[] filter, Path scratch) throws IOException {
    if (!root) {
      String user = System.getProperty("user.name", "?");
      long uid = uid();
      return List.of(
          new Candidate(
              Isolation.USERNS.text(),
              () -> new NamespaceSandbox(IdMap.ofUser(user, uid), false, filter)));
    }
    List<Candidate> candidates = new ArrayList<>();
    candidates.add(
        new Candidate(
            Isolation.USERNS_ROOT.text(),
            () -> new NamespaceSandbox(IdMap.ofRoot(), true, filter)));
    if (trusted) {
      candidates.add(new Candidate(Isolation.CHROOT.text(), () -> new ChrootSandbox(scratch)));
    }
    return candidates;
  }

  private static long uid() throws IOException {
    return ((Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid")).longValue();
  }
}
