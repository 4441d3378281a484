package dev.nexrootfs.tar;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The records of a PAX extended header (POSIX.1-2017, pax): {@code LENGTH KEY=VALUE\n}, where a
 * value is bytes and may hold anything.
 */
final class PaxRecords {
  private static final String XATTR = "SCHILY.xattr.";

  /** What GNU tar calls the SELinux label. */
  private static final String SELINUX = "RHT.security.selinux";

  /**
   * Records that change what a file is, and that we cannot hold: dropping them would be silent
   * loss.
   */
  private static final List<String> REFUSED =
      List.of("GNU.sparse.", "SCHILY.acl.", "LIBARCHIVE.xattr.");

  /** No record. */
  static final PaxRecords NONE = new PaxRecords(Map.of(), Map.of(), 0);

  private final Map<String, byte[]> values;
  private final Map<String, byte[]> globals;
  private final long offset;

  private PaxRecords(Map<String, byte[]> values, Map<String, byte[]> globals, long offset) {
    this.values = values;
    this.globals = globals;
    this.offset = offset;
  }

  /** The records of the header whose content is {@code bytes}, at {@code offset} of the archive. */
  static PaxRecords parse(byte[] bytes, long offset) throws TarException {
    Map<String, byte[]> values = new HashMap<>();
    int at = 0;
    while (at < bytes.length && bytes[at] != 0) {
      int space = indexOf(bytes, ' ', at, Math.min(bytes.length, at + 10));
      int end = space < 0 ? -1 : recordEnd(bytes, at, space);
      int equals = end < 0 ? -1 : indexOf(bytes, '=', space + 1, end - 1);
      if (equals < 0 || bytes[end - 1] != '\n') {
        throw new TarException(offset + at, "a PAX record that is not \"LENGTH KEY=VALUE\"");
      }
      String key = new String(bytes, space + 1, equals - space - 1, StandardCharsets.ISO_8859_1);
      values.put(key, Arrays.copyOfRange(bytes, equals + 1, end - 1));
      at = end;
    }
    return new PaxRecords(values, Map.of(), offset);
  }

  /** These records, with {@code later} in place of those of the same key. */
  PaxRecords with(PaxRecords later) {
    if (values.isEmpty()) {
      return later;
    }
    Map<String, byte[]> both = new HashMap<>(values);
    both.putAll(later.values);
    return new PaxRecords(both, globals, later.offset);
  }

  /**
   * These records, and those of {@code global} where these have none of a key; nothing is copied.
   */
  PaxRecords over(PaxRecords global) {
    return new PaxRecords(values, global.values, values.isEmpty() ? global.offset : offset);
  }

  /** Bytes of keys and values. */
  long size() {
    return values.entrySet().stream()
        .mapToLong(e -> e.getKey().length() + e.getValue().length)
        .sum();
  }

  /** The bytes of {@code key}; an empty value means none. */
  Optional<byte[]> bytes(String key) {
    byte[] value = values.containsKey(key) ? values.get(key) : globals.get(key);
    return Optional.ofNullable(value).filter(bytes -> bytes.length > 0);
  }

  /** The number of {@code key}. */
  Optional<Long> number(String key) throws TarException {
    Optional<BigDecimal> value = decimal(key);
    if (value.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(value.get().longValueExact());
    } catch (ArithmeticException e) {
      throw new TarException(
          offset, "PAX " + key + " is not a whole number of 64 bits: " + value.get());
    }
  }

  /** The time of {@code key}, seconds with a fraction. */
  Optional<Instant> time(String key) throws TarException {
    Optional<BigDecimal> value = decimal(key);
    if (value.isEmpty()) {
      return Optional.empty();
    }
    BigDecimal seconds = value.get().setScale(0, RoundingMode.FLOOR);
    int nanos = value.get().subtract(seconds).movePointRight(9).intValue();
    try {
      return Optional.of(Instant.ofEpochSecond(seconds.longValueExact(), nanos));
    } catch (ArithmeticException | DateTimeException e) {
      throw new TarException(offset, "PAX " + key + " is no time: " + value.get());
    }
  }

  /** The extended attributes; those of a global header count for none, as GNU tar has it. */
  Map<String, byte[]> xattrs() {
    Map<String, byte[]> xattrs = new HashMap<>();
    values.forEach(
        (key, value) -> {
          if (key.startsWith(XATTR)) {
            xattrs.put(key.substring(XATTR.length()), value);
          } else if (key.equals(SELINUX)) {
            xattrs.put("security.selinux", Arrays.copyOf(value, value.length + 1));
          }
        });
    return xattrs;
  }

  /** A key that we would have to drop, if there is one. */
  Optional<String> refused() {
    return values.keySet().stream()
        .filter(key -> REFUSED.stream().anyMatch(key::startsWith))
        .sorted()
        .findFirst();
  }

  private Optional<BigDecimal> decimal(String key) throws TarException {
    Optional<byte[]> bytes = bytes(key);
    if (bytes.isEmpty()) {
      return Optional.empty();
    }
    String text = new String(bytes.get(), StandardCharsets.ISO_8859_1);
    // Plain digits only: an exponent could make BigDecimal as large as it likes.
    if (!text.matches("[-+]?[0-9]{1,20}(\\.[0-9]{0,40})?")) {
      throw new TarException(offset, "PAX " + key + " is not a number");
    }
    return Optional.of(new BigDecimal(text));
  }

  private static int recordEnd(byte[] bytes, int at, int space) {
    int length = 0;
    for (int i = at; i < space; i++) {
      if (bytes[i] < '0' || bytes[i] > '9') {
        return -1;
      }
      length = length * 10 + bytes[i] - '0';
    }
    int end = at + length;
    return length <= 0 || end > bytes.length || end <= space ? -1 : end;
  }

  private static int indexOf(byte[] bytes, char wanted, int from, int to) {
    for (int i = from; i < to; i++) {
      if (bytes[i] == wanted) {
        return i;
      }
    }
    return -1;
  }
}
