package dev.nexrootfs.tree;

/**
 * A file of any type. Identity matters: one node under two names is a hard link.
 *
 * <p>The sequence says when the node came into the tree: layer by layer, in the order of the
 * archive. Whoever lays nodes out in this order reads each layer front to back, and keeps the
 * base's files where they are when later layers change.
 */
public abstract sealed class Node permits Directory, RegularFile, SymbolicLink, DeviceNode {
  private long sequence;
  private Attributes attributes;

  Node(Attributes attributes, long sequence) {
    this.attributes = attributes;
    this.sequence = sequence;
  }

  /** Mode, owner, time and extended attributes. */
  public final Attributes attributes() {
    return attributes;
  }

  /** Replaces the attributes, as an upper layer's entry does to a directory. */
  public final void setAttributes(Attributes replacement) {
    attributes = replacement;
  }

  /** For {@link FileTree}, which gives sequences out. */
  final void setSequence(long replacement) {
    sequence = replacement;
  }

  /** Orders the nodes of a tree; unique within it. */
  public final long sequence() {
    return sequence;
  }
}
