package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How large the image is to be.
 *
 * <p>In JSON a number of bytes of the whole image, or the string {@code "min"} for the smallest
 * image that holds the content, or {@code "free=64MiB"} for one that leaves so much room.
 *
 * @param policy what the bytes count
 * @param bytes of the whole image, 1 to {@link #MAX_BYTES}; or of the room that is left, from 0
 */
public record Size(Policy policy, long bytes) {
  /** The largest image: 16 TiB, the limit of 2^32 blocks of 4096 bytes. */
  public static final long MAX_BYTES = 1L << 44;

  /** The default of {@code nex rootfs}: 150 MiB. */
  public static final Size DEFAULT = whole(157_286_400L);

  /** The smallest image that holds the content. */
  public static final Size MIN = new Size(Policy.FREE, 0);

  private static final Pattern FORM = Pattern.compile("(free=)?(-?\\d{1,18})(KiB|MiB|GiB|TiB)?");
  private static final Map<String, Integer> SHIFTS =
      Map.of("KiB", 10, "MiB", 20, "GiB", 30, "TiB", 40);

  /** What is given. */
  public enum Policy {
    /** The size of the whole image. */
    WHOLE,
    /** The room that is left beside the content. */
    FREE
  }

  /** Checks the range. */
  public Size {
    if (bytes < (policy == Policy.WHOLE ? 1 : 0) || bytes > MAX_BYTES) {
      throw outside((policy == Policy.WHOLE ? "" : "free=") + bytes);
    }
  }

  /** An image of {@code bytes}. */
  public static Size whole(long bytes) {
    return new Size(Policy.WHOLE, bytes);
  }

  /**
   * Reads a size as it stands in a request.
   *
   * @throws IllegalArgumentException for anything else, with the forms that there are
   */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static Size of(Object value) {
    if (value instanceof Integer || value instanceof Long) {
      return whole(((Number) value).longValue());
    }
    if (value instanceof String text) {
      Size size = parse(text);
      if (size.policy == Policy.FREE) {
        return size;
      }
    }
    throw outside(value instanceof String ? "\"" + value + "\"" : String.valueOf(value));
  }

  /**
   * Reads a size as people write it: {@code 157286400}, {@code 150MiB}, {@code min}, {@code
   * free=64MiB}.
   *
   * @throws IllegalArgumentException for anything else, with the forms that there are
   */
  public static Size parse(String text) {
    if (text.equals("min")) {
      return MIN;
    }
    Matcher matcher = FORM.matcher(text);
    if (!matcher.matches()) {
      throw outside("\"" + text + "\"");
    }
    int shift = matcher.group(3) == null ? 0 : SHIFTS.getOrDefault(matcher.group(3), 0);
    try {
      long bytes = Math.multiplyExact(Long.parseLong(matcher.group(2)), 1L << shift);
      return new Size(matcher.group(1) == null ? Policy.WHOLE : Policy.FREE, bytes);
    } catch (ArithmeticException e) {
      throw outside("\"" + text + "\"");
    }
  }

  /** The size as it stands in a request. */
  @JsonValue
  public Object json() {
    if (policy == Policy.WHOLE) {
      return bytes;
    }
    return bytes == 0 ? "min" : "free=" + bytes;
  }

  @Override
  public String toString() {
    return String.valueOf(json());
  }

  private static IllegalArgumentException outside(String value) {
    return new IllegalArgumentException(
        "size: "
            + value
            + " is not a whole number of bytes from 1 to "
            + MAX_BYTES
            + " (16 TiB), \"min\", or \"free=64MiB\" for the room that is left");
  }
}
