package dev.nexrootfs.ext4.read;

import java.io.IOException;

/**
 * An image that cannot be read on: corrupt, cut off, no ext4, or of a feature that is not read. The
 * message says what, where and the value.
 */
public final class UnreadableImageException extends IOException {
  private static final long serialVersionUID = 1L;

  private final transient Finding finding;

  UnreadableImageException(Finding finding) {
    super(finding.toString());
    this.finding = finding;
  }

  UnreadableImageException(String where, String what, Object value, String expected) {
    this(new Finding(where, what, value.toString(), expected));
  }

  /** What is wrong. */
  public Finding finding() {
    return finding;
  }
}
