package dev.nexrootfs.tar;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * The records of a PAX extended header that is being written (POSIX.1-2017, pax): what the entry's
 * own header cannot hold. Values are bytes and written as they are.
 */
final class PaxHeader {
  private final ByteArrayOutputStream records = new ByteArrayOutputStream();

  boolean isEmpty() {
    return records.size() == 0;
  }

  byte[] bytes() {
    return records.toByteArray();
  }

  void add(String key, String value) {
    add(key, value.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** Adds {@code LENGTH KEY=VALUE\n}, whose length counts its own digits. */
  void add(String key, byte[] value) {
    byte[] name = (" " + key + "=").getBytes(StandardCharsets.ISO_8859_1);
    int rest = name.length + value.length + 1;
    int length = rest + 1;
    while (rest + Integer.toString(length).length() != length) {
      length = rest + Integer.toString(length).length();
    }
    records.writeBytes(Integer.toString(length).getBytes(StandardCharsets.US_ASCII));
    records.writeBytes(name);
    records.writeBytes(value);
    records.write('\n');
  }

  /** Adds an extended attribute, its name escaped as GNU tar escapes it. */
  void addXattr(String name, byte[] value) {
    add("SCHILY.xattr." + name.replace("%", "%25").replace("=", "%3D"), value);
  }
}
