package dev.nexrootfs.tar;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * A POSIX access control list as archives hold it in {@code SCHILY.acl.access} and {@code
 * SCHILY.acl.default}: entries {@code user:NAME:rwx}, between newlines as GNU tar writes them or
 * commas as star and libarchive do, the latter with the id as a fourth field.
 *
 * <p>Names count for nothing: whose they are is known only where the archive was made. An entry for
 * a name has its number in place of the name or after the permissions.
 */
final class TextAcl {
  private static final int USER_OBJ = 0x01;
  private static final int USER = 0x02;
  private static final int GROUP_OBJ = 0x04;
  private static final int GROUP = 0x08;
  private static final int MASK = 0x10;
  private static final int OTHER = 0x20;
  private static final int VERSION_IN_XATTR = 2;
  private static final long NO_ID = 0xFFFF_FFFFL;

  private final List<Entry> entries;

  private record Entry(int tag, int permissions, long id) {}

  private TextAcl(List<Entry> entries) {
    this.entries = entries;
  }

  /**
   * The list of {@code text}.
   *
   * @throws IllegalArgumentException where it is none, or names whom no number is given for
   */
  static TextAcl parse(byte[] text) {
    List<Entry> entries = new ArrayList<>();
    for (String line : new String(text, StandardCharsets.ISO_8859_1).split("[\n,]", -1)) {
      int comment = line.indexOf('#');
      String entry = (comment < 0 ? line : line.substring(0, comment)).strip();
      if (!entry.isEmpty()) {
        entries.add(entry(entry));
      }
    }
    entries.sort(Comparator.comparingInt(Entry::tag).thenComparingLong(Entry::id));
    check(entries);
    return new TextAcl(List.copyOf(entries));
  }

  /** Whether it says no more than a mode does. */
  boolean isMinimal() {
    return entries.size() == 3;
  }

  /** The nine bits of the mode that a file with this list has: the group's are the mask's. */
  int permissions() {
    int group = isMinimal() ? GROUP_OBJ : MASK;
    return permissions(USER_OBJ) << 6 | permissions(group) << 3 | permissions(OTHER);
  }

  /** The list as the value of {@code system.posix_acl_access} or {@code …_default}. */
  byte[] xattr() {
    ByteBuffer out = ByteBuffer.allocate(4 + 8 * entries.size()).order(ByteOrder.LITTLE_ENDIAN);
    out.putInt(VERSION_IN_XATTR);
    for (Entry entry : entries) {
      out.putShort((short) entry.tag) //            e_tag
          .putShort((short) entry.permissions) //   e_perm
          .putInt((int) entry.id); //               e_id
    }
    return out.array();
  }

  private int permissions(int tag) {
    return entries.stream().filter(e -> e.tag == tag).findFirst().orElseThrow().permissions;
  }

  private static Entry entry(String text) {
    List<String> fields = new ArrayList<>(List.of(text.split(":", -1)));
    if (fields.get(0).equals("default") || fields.get(0).equals("d")) {
      fields.remove(0);
    }
    String tag = fields.get(0);
    boolean mask = tag.equals("mask") || tag.equals("m");
    boolean other = tag.equals("other") || tag.equals("o");
    boolean user = tag.equals("user") || tag.equals("u");
    boolean group = tag.equals("group") || tag.equals("g");
    if ((mask || other) && fields.size() == 2) {
      fields.add(1, "");
    }
    if (fields.size() < 3 || fields.size() > 4 || !(mask || other || user || group)) {
      throw new IllegalArgumentException("\"" + text + "\" is no entry of an access control list");
    }
    int permissions = permissions(text, fields.get(2));
    String name = fields.get(1);
    if (mask || other) {
      if (!name.isEmpty()) {
        throw new IllegalArgumentException("\"" + text + "\" has a name where none can be");
      }
      return new Entry(mask ? MASK : OTHER, permissions, NO_ID);
    }
    if (name.isEmpty()) {
      return new Entry(user ? USER_OBJ : GROUP_OBJ, permissions, NO_ID);
    }
    return new Entry(user ? USER : GROUP, permissions, id(text, name, fields));
  }

  private static int permissions(String entry, String text) {
    if (text.matches("[0-7]")) {
      return text.charAt(0) - '0';
    }
    if (!text.matches("[r-][w-][x-]")) {
      throw new IllegalArgumentException("\"" + entry + "\" has no permissions like \"r-x\"");
    }
    return (text.charAt(0) == 'r' ? 4 : 0)
        | (text.charAt(1) == 'w' ? 2 : 0)
        | (text.charAt(2) == 'x' ? 1 : 0);
  }

  private static long id(String entry, String name, List<String> fields) {
    String number = fields.size() == 4 ? fields.get(3) : name;
    if (!number.matches("[0-9]{1,10}")) {
      throw new IllegalArgumentException(
          "\""
              + entry
              + "\" gives a name without its number; make the archive with numbers"
              + " (tar --numeric-owner)");
    }
    long id = Long.parseLong(number);
    if (id >= NO_ID) {
      throw new IllegalArgumentException(
          "\"" + entry + "\" has an id that is not from 0 to " + (NO_ID - 1));
    }
    return id;
  }

  private static void check(List<Entry> entries) {
    int seen = 0;
    for (int i = 0; i < entries.size(); i++) {
      Entry entry = entries.get(i);
      Entry before = i == 0 ? null : entries.get(i - 1);
      if (before != null && before.tag == entry.tag && before.id == entry.id) {
        throw new IllegalArgumentException("an access control list with an entry twice");
      }
      seen |= entry.tag;
    }
    int required = USER_OBJ | GROUP_OBJ | OTHER | ((seen & (USER | GROUP)) == 0 ? 0 : MASK);
    if ((seen & required) != required) {
      throw new IllegalArgumentException(
          "an access control list without the entries of owner, group and others, or without a"
              + " mask where it names users or groups");
    }
  }
}
