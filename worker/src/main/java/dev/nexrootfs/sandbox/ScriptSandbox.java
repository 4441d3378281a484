package dev.nexrootfs.sandbox;

import java.io.IOException;
import java.io.OutputStream;

/**
 * A place to run a script in.
 *
 * <p>The contract, also for a sandbox that is yet to come, like a microVM that finds the archive on
 * one block device and writes its answer to another:
 *
 * <ul>
 *   <li>the tree comes as a PAX archive with owners to 65535, without devices, and goes out as one,
 *       with everything that the script left there: modes, owners, times, links, attributes;
 *   <li>{@code /proc}, {@code /sys}, {@code /dev}, {@code /run} and {@code /tmp} exist in the tree
 *       as directories, are covered while the script runs, and are as they were afterwards;
 *   <li>the script sees nothing of this machine, no other script, no variable of the worker's, and
 *       no network unless it may;
 *   <li>each limit ends it with an exception that names the limit;
 *   <li>when {@code run} returns, in whichever way, and also when the worker is killed, no process,
 *       mount or file of it is left.
 * </ul>
 */
public interface ScriptSandbox {
  /** What keeps the script in. */
  Isolation isolation();

  /** Writes an archive. */
  @FunctionalInterface
  interface ArchiveWriter {
    /** Writes all of it; the stream stays open. */
    void writeTo(OutputStream out) throws IOException;
  }

  /**
   * Runs {@code script}.
   *
   * @param tree the tree before
   * @param treeBytes what the tree takes of a disk
   * @param treeFiles how many files it has
   * @param output takes what the script says; what it throws ends the script
   * @param after takes the tree afterwards
   * @throws ScriptException where the script fails, or reaches a limit
   * @throws IOException where the sandbox fails
   */
  void run(
      ArchiveWriter tree,
      long treeBytes,
      long treeFiles,
      Script script,
      ScriptLimits limits,
      ScriptOutput output,
      OutputStream after)
      throws IOException;
}
