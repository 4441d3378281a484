package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/**
 * A file to add to the image, after everything else.
 *
 * <pre>{@code
 * {"path":"/etc/motd","text":"hi\n","mode":"0644","uid":0,"gid":0}
 * }</pre>
 *
 * @param path absolute path in the image; missing parents are made as 0755 root:root
 * @param text the content, inline, as UTF-8; exactly one of {@code text} and {@code source} is
 *     given
 * @param source where the content is: {@code nats://BUCKET/object}, or a path that the operator
 *     allows
 * @param mode permission bits in octal, at most {@code "7777"}; default {@code "0644"}
 * @param uid owner, 0 to 4294967294; default 0
 * @param gid group, 0 to 4294967294; default 0
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record FileSpec(
    String path,
    @Nullable String text,
    @Nullable String source,
    @Nullable String mode,
    @Nullable Long uid,
    @Nullable Long gid) {
  private static final long MAX_ID = 0xFFFF_FFFEL;

  /** Checks every field and fills the defaults in. */
  public FileSpec {
    if (path == null) {
      throw new IllegalArgumentException(
          "files[].path: missing; give an absolute path of a file, like /etc/motd");
    }
    if (!path.startsWith("/") || path.endsWith("/") || path.indexOf('\0') >= 0) {
      throw new IllegalArgumentException(
          "files[].path: \"" + path + "\" is not an absolute path of a file, like /etc/motd");
    }
    for (String name : path.substring(1).split("/", -1)) {
      if (name.isEmpty() || name.equals(".") || name.equals("..")) {
        throw new IllegalArgumentException(
            "files[].path: \"" + path + "\" holds an empty, \".\" or \"..\" component");
      }
    }
    if ((text == null) == (source == null)) {
      throw new IllegalArgumentException(
          "files[] " + path + ": give exactly one of \"text\" and \"source\"");
    }
    if (path.indexOf('\uFFFD') >= 0) {
      throw new IllegalArgumentException(
          "files[].path: \"" + path + "\" has a character that was lost in another encoding");
    }
    if (path.length() > 4096) {
      throw new IllegalArgumentException(
          "files[].path: " + path.length() + " characters; at most 4096");
    }
    if (source != null) {
      BuildRequest.checkSource("files[].source", source);
    }
    mode = mode == null ? "0644" : mode;
    if (!mode.matches("0?[0-7]{1,4}")) {
      throw new IllegalArgumentException(
          "files[] " + path + ": mode \"" + mode + "\" is not octal from 0 to 7777");
    }
    uid = checkId(path, "uid", uid);
    gid = checkId(path, "gid", gid);
  }

  private static Long checkId(String path, String field, @Nullable Long id) {
    long value = id == null ? 0 : id;
    if (value < 0 || value > MAX_ID) {
      throw new IllegalArgumentException(
          "files[] " + path + ": " + field + " " + value + " is not from 0 to " + MAX_ID);
    }
    return value;
  }

  /** The permission bits of {@link #mode}, 0 to 07777. */
  public int permissions() {
    return Integer.parseInt(mode == null ? "0644" : mode, 8);
  }
}
