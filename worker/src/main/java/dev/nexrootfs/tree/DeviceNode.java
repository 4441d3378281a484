package dev.nexrootfs.tree;

/** A character or block device, or a fifo. */
public final class DeviceNode extends Node {
  /** What the node is. */
  public enum Type {
    /** Character device. */
    CHARACTER,
    /** Block device. */
    BLOCK,
    /** Named pipe; has no numbers. */
    FIFO
  }

  /** The kernel's limit: 12 bits. */
  public static final int MAX_MAJOR = 0xFFF;

  /** The kernel's limit: 20 bits. */
  public static final int MAX_MINOR = 0xF_FFFF;

  private final Type type;
  private final int major;
  private final int minor;

  /**
   * A node of {@code type}; the numbers of a fifo are 0.
   *
   * @throws IllegalArgumentException for numbers past the kernel's limits
   */
  public DeviceNode(Attributes attributes, long sequence, Type type, int major, int minor) {
    super(attributes, sequence);
    if (major < 0 || major > MAX_MAJOR || minor < 0 || minor > MAX_MINOR) {
      throw new IllegalArgumentException(
          "device " + major + ":" + minor + " is past " + MAX_MAJOR + ":" + MAX_MINOR);
    }
    this.type = type;
    this.major = type == Type.FIFO ? 0 : major;
    this.minor = type == Type.FIFO ? 0 : minor;
  }

  /** What the node is. */
  public Type type() {
    return type;
  }

  /** The driver's number. */
  public int major() {
    return major;
  }

  /** The device's number. */
  public int minor() {
    return minor;
  }
}
