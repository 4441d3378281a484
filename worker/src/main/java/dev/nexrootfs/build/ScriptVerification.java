package dev.nexrootfs.build;

import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.DerivedLayers.Computation;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.SpooledInput;
import dev.nexrootfs.sandbox.LayerDifferences;
import dev.nexrootfs.sandbox.ScriptException;
import java.io.IOException;
import java.util.List;

/** Whether two runs of a script do the same. */
final class ScriptVerification {
  private static final int MAX_LISTED = 50;

  private ScriptVerification() {}

  /**
   * Runs a script twice.
   *
   * @throws ScriptException where the runs differ; the message lists in what
   */
  static void check(LayerCache cache, Computation run) throws IOException {
    try (SpooledInput first = cache.spool("the script's first run", run::writeTo);
        SpooledInput second = cache.spool("the script's second run", run::writeTo)) {
      if (first.digest().equals(second.digest())) {
        return;
      }
      List<String> differences =
          LayerDifferences.between(
              new DecodedLayer(first.digest(), first.channel()),
              new DecodedLayer(second.digest(), second.channel()));
      int more = differences.size() - MAX_LISTED;
      throw new ScriptException(
          ScriptException.Reason.DIFFERS,
          "two runs of the script differ in "
              + differences.size()
              + " files:\n"
              + String.join("\n", differences.subList(0, Math.min(MAX_LISTED, differences.size())))
              + (more > 0 ? "\nand " + more + " more" : ""));
    }
  }
}
