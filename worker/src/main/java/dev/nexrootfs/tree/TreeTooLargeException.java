package dev.nexrootfs.tree;

/** A tree of more nodes than its holder has memory for. */
public final class TreeTooLargeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TreeTooLargeException(long maxNodes) {
    super(
        "more than "
            + maxNodes
            + " files and directories, which is what this program's memory can hold; give it more (-Xmx)");
  }
}
