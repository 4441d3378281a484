package dev.nexrootfs.sandbox;

import dev.nexrootfs.layer.DecodedLayer;
import dev.nexrootfs.layer.InvalidLayerException;
import dev.nexrootfs.layer.LayerCache;
import dev.nexrootfs.layer.LayerMerge;
import dev.nexrootfs.layer.SpooledInput;
import dev.nexrootfs.sandbox.ScriptException.Reason;
import dev.nexrootfs.tar.TarEntry;
import dev.nexrootfs.tar.TarException;
import dev.nexrootfs.tar.TarReader;
import dev.nexrootfs.tar.TarWriter;
import dev.nexrootfs.tree.FileTree;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** A script over a tree, from the tree to a layer of what the script did. */
public final class ScriptRun {
  /** Part of what a result is known by: counts up when the same script can have another result. */
  public static final int VERSION = 1;

  private final ScriptSandbox sandbox;
  private final boolean userXattrs;
  private final ScriptLimits limits;
  private final LayerCache spool;

  /**
   * Runs in {@code sandbox}.
   *
   * @param userXattrs whether the sandbox's file system holds attributes of users
   * @param spool where archives lie meanwhile
   */
  ScriptRun(ScriptSandbox sandbox, boolean userXattrs, ScriptLimits limits, LayerCache spool) {
    this.sandbox = sandbox;
    this.userXattrs = userXattrs;
    this.limits = limits;
    this.spool = spool;
  }

  /** What keeps the script in. */
  public Isolation isolation() {
    return sandbox.isolation();
  }

  /**
   * Runs {@code script} over {@code tree}, which stays as it is, and writes a layer of what changed
   * as an uncompressed archive. The same changes give the same bytes.
   *
   * @throws ScriptException where the script fails, or reaches a limit
   * @throws IOException where the sandbox fails
   */
  public void run(FileTree tree, Script script, ScriptOutput output, OutputStream layer)
      throws IOException {
    StagedTree staged = StagedTree.of(tree, userXattrs, script.network());
    try (SpooledInput after =
        spool.spool(
            "what the script has left",
            out ->
                sandbox.run(
                    in -> TarWriter.write(staged.tree(), in),
                    staged.bytes(),
                    staged.files(),
                    script,
                    limits,
                    output,
                    out))) {
      TreeDelta delta =
          TreeDelta.of(tree, staged, read(after.digest(), after.channel()), script.time());
      TarWriter.write(delta.changes(), delta.elsewhere(), layer);
    }
  }

  private static FileTree read(dev.nexrootfs.oci.Digest digest, FileChannel archive)
      throws IOException {
    try {
      checkNames(archive);
      LayerMerge merge = new LayerMerge();
      merge.add(new DecodedLayer(digest, archive));
      return merge.tree();
    } catch (InvalidLayerException | TarException e) {
      throw new ScriptException(
          Reason.TREE, "what the script has left fits no image: " + e.getMessage(), e);
    }
  }

  /** A file of such a name would take another away, where the script has only made it. */
  private static void checkNames(FileChannel archive) throws IOException {
    TarReader reader = new TarReader(archive);
    for (Optional<TarEntry> next = reader.next(); next.isPresent(); next = reader.next()) {
      if (new String(next.get().name(), StandardCharsets.ISO_8859_1).contains("/.wh.")) {
        throw new ScriptException(
            Reason.TREE,
            next.get().displayName()
                + ": the script made a file whose name starts with .wh., which in a layer means"
                + " that a file is gone; let it remove the file");
      }
    }
  }
}
