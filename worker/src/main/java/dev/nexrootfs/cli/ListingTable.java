package dev.nexrootfs.cli;

import dev.nexrootfs.tree.Name;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;

/** Files as {@code ls -ln} shows them, in columns, with their attributes below. */
final class ListingTable {
  private static final int COLUMNS = 6;
  private static final String PERMISSIONS = "rwxrwxrwx";

  private ListingTable() {}

  /**
   * One file, its fields not yet aligned.
   *
   * @param fields mode, links, owner, group, size or device numbers, time
   * @param name with the target of a link
   * @param attributes names and sizes of extended attributes, as ISO-8859-1
   */
  record Line(String[] fields, String name, List<String> attributes) {}

  static void print(PrintWriter out, List<Line> lines) {
    int[] widths = new int[COLUMNS];
    for (Line line : lines) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], line.fields[i].length());
      }
    }
    // Numbers to the right; mode and time to the left.
    String format =
        String.format(
            Locale.ROOT,
            "%%-%ds %%%ds %%%ds %%%ds %%%ds %%-%ds %%s%%n",
            widths[0],
            widths[1],
            widths[2],
            widths[3],
            widths[4],
            widths[5]);
    for (Line line : lines) {
      String[] f = line.fields;
      out.printf(Locale.ROOT, format, f[0], f[1], f[2], f[3], f[4], f[5], line.name);
      line.attributes.forEach(
          attribute ->
              out.println("\t" + Name.text(attribute.getBytes(StandardCharsets.ISO_8859_1))));
    }
  }

  /** Like {@code drwxr-sr-t}. */
  static String mode(char type, int mode) {
    StringBuilder text = new StringBuilder().append(type);
    for (int i = 0; i < PERMISSIONS.length(); i++) {
      text.append((mode & 0400 >> i) != 0 ? PERMISSIONS.charAt(i) : '-');
    }
    special(text, 3, (mode & 04000) != 0, 's');
    special(text, 6, (mode & 02000) != 0, 's');
    special(text, 9, (mode & 01000) != 0, 't');
    return text.toString();
  }

  private static void special(StringBuilder text, int at, boolean isSet, char letter) {
    if (isSet) {
      text.setCharAt(at, text.charAt(at) == 'x' ? letter : Character.toUpperCase(letter));
    }
  }
}
