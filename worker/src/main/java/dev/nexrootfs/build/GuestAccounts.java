package dev.nexrootfs.build;

import dev.nexrootfs.protocol.BuildRequest;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The accounts of a guest: user and group nex where they are missing, and root's password. Lines of
 * passwd(5), group(5), shadow(5) and gshadow(5) that stay are left byte for byte.
 */
final class GuestAccounts {
  static final int NEX_ID = 1000;

  private static final String PASSWD = "/etc/passwd";
  private static final String GROUP = "/etc/group";
  private static final String SHADOW = "/etc/shadow";
  private static final String GSHADOW = "/etc/gshadow";

  /** {@code openssl passwd -6 -salt nexrootfs root}. */
  private static final String HASH_OF_ROOT =
      "$6$nexrootfs$mSxlZjrr1E98ulhm5Vd2dmcKqtfkod8SRIV7.8QNihZr5MBtq6O7vkV6yG/qZEuk4ISJQ9t9/fVnXWhGklZ2e0";

  /** No password hashes to this. */
  private static final String LOCKED = "*";

  /** The date of the last change, in days, and the rest of a shadow line; a constant, not a day. */
  private static final String AGING = ":19000:0:99999:7:::\n";

  private final GuestOverlay overlay;

  GuestAccounts(GuestOverlay overlay) {
    this.overlay = overlay;
  }

  /**
   * Adds what is missing.
   *
   * @param rootPassword as the request has it
   */
  void add(@Nullable String rootPassword) throws IOException {
    if (line(PASSWD, "root").isEmpty()) {
      overlay.append(PASSWD, 0644, "root:x:0:0:root:/root:/bin/sh\n");
    }
    if (line(GROUP, "root").isEmpty()) {
      overlay.append(GROUP, 0644, "root:x:0:\n");
    }
    addNex();
    setRootPassword(rootPassword);
  }

  private void addNex() throws IOException {
    String id = Integer.toString(NEX_ID);
    Optional<String[]> user = line(PASSWD, "nex");
    if (user.isEmpty()) {
      noteOwnerOf(id, PASSWD);
      overlay.append(PASSWD, 0644, "nex:x:1000:1000:Nex:/home/nex:/bin/false\n");
      if (line(SHADOW, "nex").isEmpty()) {
        overlay.append(SHADOW, 0640, "nex:!" + AGING);
      }
    } else if (!field(user.get(), 2).equals(id)) {
      overlay.note(
          "NEX_ID",
          PASSWD,
          "the base's user nex has the id "
              + field(user.get(), 2)
              + "; the agent and /home/nex are made for 1000, as Nex has it");
    }
    if (line(GROUP, "nex").isEmpty()) {
      noteOwnerOf(id, GROUP);
      overlay.append(GROUP, 0644, "nex:x:1000:\n");
      if (overlay.has(GSHADOW) && line(GSHADOW, "nex").isEmpty()) {
        overlay.append(GSHADOW, 0640, "nex:!::\n");
      }
    }
  }

  private void noteOwnerOf(String id, String path) throws IOException {
    for (String[] entry : entries(path)) {
      if (field(entry, 2).equals(id)) {
        overlay.note(
            "NEX_ID",
            path,
            "the base has \""
                + entry[0]
                + "\" by the id 1000, which nex now shares; remove it there");
        return;
      }
    }
  }

  private void setRootPassword(@Nullable String wanted) throws IOException {
    String inPasswd = field(line(PASSWD, "root").orElseThrow(), 1);
    Optional<String[]> shadow = line(SHADOW, "root");
    String present = inPasswd.equals("x") ? shadow.map(f -> field(f, 1)).orElse(LOCKED) : inPasswd;
    if (wanted == null && !present.isEmpty()) {
      boolean usable = present.startsWith("$") || Character.isLetterOrDigit(present.charAt(0));
      if (usable) {
        overlay.note("ROOT_PASSWORD", SHADOW, "the base has a password for root, which stays");
      }
      if (inPasswd.equals("x") && shadow.isEmpty()) {
        overlay.append(SHADOW, 0640, "root:" + LOCKED + AGING);
      }
      return;
    }
    if (wanted == null) {
      overlay.note("ROOT_PASSWORD", SHADOW, "the base lets root in without a password; now locked");
    }
    if (!inPasswd.equals("x")) {
      overlay.edit(PASSWD, 0644, withField(PASSWD, "root", "x"));
    }
    String hash = wanted == null ? LOCKED : hash(wanted);
    if (shadow.isEmpty()) {
      overlay.append(SHADOW, 0640, "root:" + hash + AGING);
    } else {
      overlay.edit(SHADOW, 0640, withField(SHADOW, "root", hash));
    }
  }

  private static String hash(String wanted) {
    return wanted.equals(BuildRequest.WELL_KNOWN_PASSWORD) ? HASH_OF_ROOT : wanted;
  }

  /** The file's text with another second field in the line of {@code name}. */
  private String withField(String path, String name, String value) throws IOException {
    StringBuilder text = new StringBuilder();
    for (String line : overlay.text(path).split("(?<=\n)", -1)) {
      String[] fields = line.split(":", 3);
      text.append(
          fields[0].equals(name) && fields.length == 3
              ? name + ":" + value + ":" + fields[2]
              : line);
    }
    return text.toString();
  }

  private Optional<String[]> line(String path, String name) throws IOException {
    return entries(path).stream().filter(fields -> fields[0].equals(name)).findFirst();
  }

  private List<String[]> entries(String path) throws IOException {
    List<String[]> entries = new ArrayList<>();
    overlay.text(path).lines().forEach(line -> entries.add(line.split(":", -1)));
    return entries;
  }

  private static String field(String[] fields, int index) {
    return index < fields.length ? fields[index] : "";
  }
}
