package dev.nexrootfs.sandbox;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** The words of the programs that bring a tree in and out, and start its script. */
final class Archives {
  /** Where the script lies, in a directory that no image keeps. */
  static final String SCRIPT = "/run/nex-rootfs-script";

  private Archives() {}

  /** Unpacks an archive of ours. */
  static List<String> unpack(String directory) {
    return List.of(
        "tar",
        "--extract",
        "--preserve-permissions",
        "--same-owner",
        "--numeric-owner",
        "--xattrs",
        "--xattrs-include=*",
        "--directory",
        directory,
        "--file",
        "-");
  }

  /** Packs what a script has left. */
  static List<String> pack(String directory) {
    return List.of(
        "tar",
        "--create",
        "--format=posix",
        "--pax-option=delete=atime,delete=ctime",
        "--sort=name",
        "--numeric-owner",
        "--sparse",
        "--xattrs",
        "--xattrs-include=*",
        "--one-file-system",
        "--warning=no-file-ignored",
        "--directory",
        directory,
        "--file",
        "-",
        ".");
  }

  /** Starts the script. */
  static List<String> start(Script script) {
    return script.startsByItself() ? List.of(SCRIPT) : List.of("/bin/sh", SCRIPT);
  }

  /** All that the script finds in its environment. */
  static SortedMap<String, String> environment(Script script) {
    SortedMap<String, String> environment = new TreeMap<>();
    environment.put("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    environment.put("HOME", "/root");
    environment.put("USER", "root");
    environment.put("LANG", "C.UTF-8");
    environment.put("TZ", "UTC");
    environment.putAll(script.environment());
    environment.put("SOURCE_DATE_EPOCH", Long.toString(script.time().getEpochSecond()));
    return environment;
  }
}
