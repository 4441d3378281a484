package dev.nexrootfs.tree;

/** A symbolic link: attributes and the target's bytes. */
public final class SymbolicLink extends Node {
  /** Longest target: a block less the NUL after it. */
  public static final int MAX_TARGET_BYTES = 4095;

  private final byte[] target;

  /**
   * A link to {@code target}, 1 to {@link #MAX_TARGET_BYTES} bytes.
   *
   * @throws IllegalArgumentException for a target of another length or with a NUL
   */
  public SymbolicLink(Attributes attributes, long sequence, byte[] target) {
    super(attributes, sequence);
    if (target.length == 0 || target.length > MAX_TARGET_BYTES) {
      throw new IllegalArgumentException(
          "symbolic link to " + target.length + " bytes; a target has 1 to " + MAX_TARGET_BYTES);
    }
    for (byte b : target) {
      if (b == 0) {
        throw new IllegalArgumentException(
            "symbolic link with NUL in its target: " + Name.text(target));
      }
    }
    this.target = target.clone();
  }

  /** The target; a copy. */
  public byte[] target() {
    return target.clone();
  }

  /** Bytes of the target. */
  public int length() {
    return target.length;
  }
}
