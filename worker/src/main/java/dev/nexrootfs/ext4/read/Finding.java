package dev.nexrootfs.ext4.read;

/**
 * One thing in an image that is not as it has to be.
 *
 * @param where the structure: {@code superblock}, {@code group 3}, {@code inode 12}, a path
 * @param what the field by the kernel's name, or what is wrong in words
 * @param value what stands there
 * @param expected what should; empty where no single value would do
 */
public record Finding(String where, String what, String value, String expected) {
  /** One line for a person. */
  @Override
  public String toString() {
    String text = where + ": " + what + (value.isEmpty() ? "" : " " + value);
    return expected.isEmpty() ? text : text + "; expected " + expected;
  }
}
