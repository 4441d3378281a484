package dev.nexrootfs.tree;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The name of a directory entry: 1 to 255 bytes without '/' and NUL, in any encoding, neither "."
 * nor "..".
 */
public final class Name implements Comparable<Name> {
  /** Longest name. */
  public static final int MAX_BYTES = 255;

  /** What leads to the parent in a path; not the name of a file. */
  static final Name PARENT = new Name(new byte[] {'.', '.'});

  private final byte[] bytes;

  private Name(byte[] bytes) {
    this.bytes = bytes;
  }

  /**
   * A name of {@code bytes}.
   *
   * @throws IllegalArgumentException where no file can have the name
   */
  public static Name of(byte[] bytes) {
    if (bytes.length == 0 || bytes.length > MAX_BYTES) {
      throw new IllegalArgumentException(
          "name of " + bytes.length + " bytes; a name has 1 to " + MAX_BYTES);
    }
    for (byte b : bytes) {
      if (b == '/' || b == 0) {
        throw new IllegalArgumentException("name with '/' or NUL: " + text(bytes));
      }
    }
    if (bytes[0] == '.' && (bytes.length == 1 || (bytes.length == 2 && bytes[1] == '.'))) {
      throw new IllegalArgumentException("\"" + text(bytes) + "\" is not the name of a file");
    }
    return new Name(bytes.clone());
  }

  /** A component of a symbolic link's target, which may be "..", or longer than a name. */
  static Name component(byte[] bytes) {
    return new Name(bytes);
  }

  /** A name of the UTF-8 bytes of {@code text}. */
  public static Name of(String text) {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  /** The name's bytes; a copy. */
  public byte[] bytes() {
    return bytes.clone();
  }

  /** How many bytes the name has. */
  public int length() {
    return bytes.length;
  }

  /** In the order of unsigned bytes. */
  @Override
  public int compareTo(Name other) {
    return Arrays.compareUnsigned(bytes, other.bytes);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Name name && Arrays.equals(bytes, name.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  /** The name for a person, see {@link #text}. */
  @Override
  public String toString() {
    return text(bytes);
  }

  /**
   * Bytes of a name or a path for a person: valid UTF-8 as it is, control and stray bytes as {@code
   * \xNN}.
   */
  public static String text(byte[] bytes) {
    String utf8 = new String(bytes, StandardCharsets.UTF_8);
    if (utf8.indexOf('\uFFFD') < 0 && utf8.chars().noneMatch(Character::isISOControl)) {
      return utf8;
    }
    StringBuilder text = new StringBuilder(bytes.length + 8);
    for (byte b : bytes) {
      if (b >= 0x20 && b < 0x7F) {
        text.append((char) b);
      } else {
        text.append(String.format("\\x%02x", b & 0xFF));
      }
    }
    return text.toString();
  }
}
