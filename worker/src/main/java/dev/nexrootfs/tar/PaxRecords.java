package dev.nexrootfs.tar;

import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The records of PAX extended headers (POSIX.1-2017, pax), later ones in place of earlier ones of
 * the same key: {@code LENGTH KEY=VALUE\n}, where a value is bytes and may hold anything.
 */
final class PaxRecords {
  private static final String SPARSE_OFFSET = "GNU.sparse.offset";
  private static final String SPARSE_NUMBYTES = "GNU.sparse.numbytes";

  private static final String SPARSE_MAP = "GNU.sparse.map";

  private final Map<String, byte[]> values = new HashMap<>();
  private final Map<String, byte[]> globals;
  private long offset;
  private long size;

  private PaxRecords(Map<String, byte[]> globals, long offset) {
    this.globals = globals;
    this.offset = offset;
  }

  /** No record yet, of no entry in particular. */
  static PaxRecords global() {
    return new PaxRecords(Map.of(), 0);
  }

  /** No record yet, of one entry; {@code global} counts where this has none of a key. */
  static PaxRecords over(PaxRecords global) {
    return new PaxRecords(global.values, global.offset);
  }

  /** Adds those of the header at {@code offset} of the archive whose content is {@code bytes}. */
  void add(byte[] bytes, long headerOffset) throws TarException {
    offset = headerOffset;
    ByteArrayOutputStream sparseMap = new ByteArrayOutputStream();
    String before = SPARSE_NUMBYTES;
    int at = 0;
    while (at < bytes.length && bytes[at] != 0) {
      int space = indexOf(bytes, ' ', at, Math.min(bytes.length, at + 10));
      int end = space < 0 ? -1 : recordEnd(bytes, at, space);
      int equals = end < 0 ? -1 : indexOf(bytes, '=', space + 1, end - 1);
      if (equals < 0 || bytes[end - 1] != '\n') {
        throw new TarException(offset + at, "a PAX record that is not \"LENGTH KEY=VALUE\"");
      }
      String key = new String(bytes, space + 1, equals - space - 1, StandardCharsets.ISO_8859_1);
      byte[] value = Arrays.copyOfRange(bytes, equals + 1, end - 1);
      if (key.equals(SPARSE_OFFSET) || key.equals(SPARSE_NUMBYTES)) {
        addToMap(sparseMap, key, before, value);
        before = key;
      } else {
        put(key, value);
      }
      at = end;
    }
    if (sparseMap.size() > 0) {
      put(SPARSE_MAP, sparseMap.toByteArray());
    }
  }

  /** Adds the records of another header, at the cost of these alone. */
  void addAll(PaxRecords later) {
    offset = later.offset;
    later.values.forEach(this::put);
  }

  /** Sparse format 0.0 has a pair of records for each segment; 0.1 has them in one record. */
  private void addToMap(ByteArrayOutputStream map, String key, String before, byte[] value)
      throws TarException {
    if (key.equals(before) || indexOf(value, ',', 0, value.length) >= 0) {
      throw new TarException(offset, "PAX " + key + " is not one of a pair of numbers");
    }
    if (map.size() > 0) {
      map.write(',');
    }
    map.writeBytes(value);
  }

  private void put(String key, byte[] value) {
    byte[] replaced = values.put(key, value);
    size += value.length + (replaced == null ? key.length() : -replaced.length);
  }

  /** How many there are, without those of the global headers. */
  int count() {
    return values.size();
  }

  /** Bytes of keys and values, without those of the global headers. */
  long size() {
    return size;
  }

  /** The bytes of {@code key}; an empty value means none. */
  Optional<byte[]> bytes(String key) {
    if (values.isEmpty() && globals.isEmpty()) {
      return Optional.empty();
    }
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
          offset, "PAX " + key + " is not a whole number of 64 bits: " + value.get(), e);
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
      throw new TarException(offset, "PAX " + key + " is no time: " + value.get(), e);
    }
  }

  /** The records of the entry's own headers, as they are. */
  Map<String, byte[]> own() {
    return values;
  }

  /** The keys of the entry's own headers that start with {@code prefix}, sorted. */
  Stream<String> keysOf(String prefix) {
    return values.keySet().stream().filter(key -> key.startsWith(prefix)).sorted();
  }

  /** Whether the entry's own headers have a key that starts with {@code prefix}. */
  boolean hasKeyOf(String prefix) {
    for (String key : values.keySet()) {
      if (key.startsWith(prefix)) {
        return true;
      }
    }
    return false;
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
