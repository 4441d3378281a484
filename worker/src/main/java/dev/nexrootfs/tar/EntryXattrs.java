package dev.nexrootfs.tar;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The extended attributes that PAX records give an entry: {@code SCHILY.xattr.NAME} with the value
 * as it is, {@code LIBARCHIVE.xattr.NAME} with the name in URL encoding and the value in Base64,
 * {@code RHT.security.selinux}, and access control lists as text, which become {@code
 * system.posix_acl_access} and {@code system.posix_acl_default}.
 *
 * <p>Those of global headers count for none.
 */
final class EntryXattrs {
  private static final String SCHILY = "SCHILY.xattr.";
  private static final String LIBARCHIVE = "LIBARCHIVE.xattr.";
  private static final String ACL = "SCHILY.acl.";
  private static final String ACCESS = "SCHILY.acl.access";
  private static final String DEFAULT = "SCHILY.acl.default";

  /** What GNU tar calls the SELinux label; without the NUL that ends it in the attribute. */
  private static final String SELINUX = "RHT.security.selinux";

  /** None. */
  static final EntryXattrs NONE = new EntryXattrs();

  private final Map<String, byte[]> values = new HashMap<>();
  private OptionalInt permissions = OptionalInt.empty();

  private EntryXattrs() {}

  /**
   * The attributes of {@code pax}.
   *
   * @throws IllegalArgumentException where a record is malformed, in a form that is not known, or
   *     says of an attribute what another one does not; the message names the record
   */
  static EntryXattrs of(PaxRecords pax) {
    if (pax.own().isEmpty()) {
      return NONE;
    }
    EntryXattrs xattrs = new EntryXattrs();
    pax.own().forEach(xattrs::add);
    byte[] label = pax.own().get(SELINUX);
    if (label != null) {
      xattrs.values.putIfAbsent("security.selinux", Arrays.copyOf(label, label.length + 1));
    }
    return xattrs;
  }

  /** The values by full name. */
  Map<String, byte[]> values() {
    return Map.copyOf(values);
  }

  /** The nine bits that an access control list gives the mode. */
  OptionalInt permissions() {
    return permissions;
  }

  private void add(String key, byte[] value) {
    try {
      if (key.startsWith(SCHILY)) {
        put(gnuName(key.substring(SCHILY.length())), value);
      } else if (key.startsWith(LIBARCHIVE)) {
        put(decoded(key.substring(LIBARCHIVE.length())), Base64.getDecoder().decode(value));
      } else if (key.startsWith(ACL)) {
        addAcl(key, value);
      }
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("PAX " + key + ": " + e.getMessage(), e);
    }
  }

  private void addAcl(String key, byte[] value) {
    if (!key.equals(ACCESS) && !key.equals(DEFAULT)) {
      throw new IllegalArgumentException("a list that is not POSIX's, which ext4 cannot hold");
    }
    if (value.length == 0) {
      return;
    }
    TextAcl acl = TextAcl.parse(value);
    if (key.equals(DEFAULT)) {
      put("system.posix_acl_default", acl.xattr());
      return;
    }
    permissions = OptionalInt.of(acl.permissions());
    // The kernel keeps a list that says no more than the mode in the mode.
    if (!acl.isMinimal()) {
      put("system.posix_acl_access", acl.xattr());
    }
  }

  private void put(String name, byte[] value) {
    byte[] other = values.put(name, value);
    if (other != null && !Arrays.equals(other, value)) {
      throw new IllegalArgumentException(
          "the attribute " + name + " has another value in another record");
    }
  }

  /** GNU tar has two characters of a name escaped, since PAX needs one of them. */
  private static String gnuName(String name) {
    return name.indexOf('%') < 0 ? name : name.replace("%3D", "=").replace("%25", "%");
  }

  private static String decoded(String name) {
    if (name.indexOf('%') < 0) {
      return name;
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < name.length(); i++) {
      boolean escape = name.charAt(i) == '%' && i + 2 < name.length();
      int high = escape ? Character.digit(name.charAt(i + 1), 16) : -1;
      int low = escape ? Character.digit(name.charAt(i + 2), 16) : -1;
      if (high >= 0 && low >= 0) {
        bytes.write(high << 4 | low);
        i += 2;
      } else {
        bytes.write(name.charAt(i));
      }
    }
    return bytes.toString(StandardCharsets.ISO_8859_1);
  }
}
