package dev.nexrootfs.sandbox;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Which ids of this machine a script's users and groups have: {@link #COUNT} from a first one on,
 * which nobody else uses.
 *
 * @param uid the first user
 * @param gid the first group
 */
record IdMap(long uid, long gid) {
  /** How many: the script's ids are 0 to 65535. */
  static final int COUNT = 65_536;

  /** Far from what distributions, containers and directories of users give out. */
  private static final long UNUSED = 2_000_000_000L;

  private static final Path SUBUID = Path.of("/etc/subuid");
  private static final Path SUBGID = Path.of("/etc/subgid");

  /**
   * The map of a worker without privileges: what subuid(5) gives {@code user}.
   *
   * @throws UnavailableException where that is not enough
   */
  static IdMap ofUser(String user, long uid) throws IOException, UnavailableException {
    return new IdMap(granted(SUBUID, user, uid), granted(SUBGID, user, uid));
  }

  /** The map of a worker that is root: what subuid(5) gives root, or ids that nobody uses. */
  static IdMap ofRoot() throws IOException {
    return new IdMap(
        find(SUBUID, "root", 0).orElse(UNUSED), find(SUBGID, "root", 0).orElse(UNUSED));
  }

  private static long granted(Path file, String user, long uid)
      throws IOException, UnavailableException {
    Optional<Long> first = find(file, user, uid);
    if (first.isEmpty()) {
      throw new UnavailableException(
          file
              + " gives "
              + user
              + " no "
              + COUNT
              + " ids; as root: usermod --add-subuids 200000-265535 --add-subgids 200000-265535 "
              + user);
    }
    return first.get();
  }

  private static Optional<Long> find(Path file, String user, long uid) throws IOException {
    if (!Files.isReadable(file)) {
      return Optional.empty();
    }
    List<String> lines = Files.readAllLines(file);
    for (String line : lines) {
      String[] fields = line.strip().split(":", -1);
      boolean numbers =
          fields.length == 3 && fields[1].matches("\\d{1,10}") && fields[2].matches("\\d{1,10}");
      if (numbers
          && (fields[0].equals(user) || fields[0].equals(Long.toString(uid)))
          && Long.parseLong(fields[2]) >= COUNT) {
        return Optional.of(Long.parseLong(fields[1]));
      }
    }
    return Optional.empty();
  }
}
