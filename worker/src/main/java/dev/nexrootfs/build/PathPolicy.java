package dev.nexrootfs.build;

import dev.nexrootfs.protocol.ErrorCode;
import dev.nexrootfs.protocol.RequestException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;

/**
 * Which paths of this machine a request may name.
 *
 * @param roots directories below which everything may be read; symbolic links are resolved before
 *     the comparison
 */
public record PathPolicy(List<Path> roots) {
  /** No path at all. */
  public static final PathPolicy NONE = new PathPolicy(List.of());

  /** Every path: whoever starts the program may read what it may read. */
  public static final PathPolicy ALL = new PathPolicy(List.of(Path.of("/")));

  /** Copies the list. */
  public PathPolicy {
    roots = List.copyOf(roots);
  }

  /**
   * The real path of {@code text}.
   *
   * @param field the request's field that names it
   * @throws RequestException {@code SOURCE_NOT_ALLOWED} outside the roots, {@code INPUT_NOT_FOUND}
   *     where nothing is
   */
  Path resolve(String field, String text) throws RequestException {
    if (roots.isEmpty()) {
      throw notAllowed(field, text);
    }
    try {
      // First by name, so that nobody learns what is outside; then by the file that the name leads
      // to.
      Path named = Path.of(text).toAbsolutePath().normalize();
      if (!isBelowARoot(named)) {
        throw notAllowed(field, text);
      }
      Path real = named.toRealPath();
      if (!isBelowARoot(real)) {
        throw notAllowed(field, text);
      }
      return real;
    } catch (InvalidPathException e) {
      throw new RequestException(
          ErrorCode.INVALID_FIELD,
          field
              + ": not a path in the worker's locale: "
              + e.getReason()
              + "; a worker that is started with LC_ALL=C.UTF-8 takes any",
          e);
    } catch (IOException e) {
      throw new RequestException(
          ErrorCode.INPUT_NOT_FOUND, field + ": there is no " + text + " on this machine", e);
    }
  }

  private boolean isBelowARoot(Path path) throws IOException {
    for (Path root : roots) {
      Path absolute = root.toAbsolutePath().normalize();
      if (path.startsWith(absolute) || (Files.exists(root) && path.startsWith(root.toRealPath()))) {
        return true;
      }
    }
    return false;
  }

  private static RequestException notAllowed(String field, String text) {
    return new RequestException(
        ErrorCode.SOURCE_NOT_ALLOWED,
        field
            + ": the worker does not allow the path "
            + text
            + "; use nats://BUCKET/object, or have the operator start it with --allow-path");
  }
}
