package dev.nexrootfs.tree;

/** A regular file: attributes and content by reference. */
public final class RegularFile extends Node {
  private final Content content;

  /** A file of {@code content}. */
  public RegularFile(Attributes attributes, long sequence, Content content) {
    super(attributes, sequence);
    this.content = content;
  }

  /** The content. */
  public Content content() {
    return content;
  }
}
