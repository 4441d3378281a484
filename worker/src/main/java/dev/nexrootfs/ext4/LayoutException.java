package dev.nexrootfs.ext4;

import java.util.OptionalLong;

/**
 * A tree that cannot be laid out: it does not fit the size, or ext4 cannot hold something in it.
 */
public final class LayoutException extends Exception {
  private static final long serialVersionUID = 1L;

  /** Why. */
  public enum Reason {
    /** A larger image would hold it. */
    TOO_SMALL,
    /** Larger than ext4, or than we can do so far. */
    TOO_LARGE,
    /** No ext4 file system can hold it as it is. */
    INVALID,
    /** Not done so far. */
    UNSUPPORTED
  }

  private final Reason reason;
  private final long sufficientSize;

  /** Something that no size would help; the message names the entry and the field. */
  LayoutException(Reason reason, String message) {
    super(message);
    this.reason = reason;
    this.sufficientSize = -1;
  }

  /** A size that is too small, and one in bytes that would do. */
  LayoutException(String message, long sufficientSize) {
    super(message);
    this.reason = Reason.TOO_SMALL;
    this.sufficientSize = sufficientSize;
  }

  /** Why. */
  public Reason reason() {
    return reason;
  }

  /** A size in bytes that would do, where a larger one helps. */
  public OptionalLong sufficientSize() {
    return sufficientSize < 0 ? OptionalLong.empty() : OptionalLong.of(sufficientSize);
  }
}
