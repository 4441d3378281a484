package dev.nexrootfs.registry;

import dev.nexrootfs.oracle.Command;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** Asks a credential helper in a JVM of its own, whose PATH a test can choose. */
public final class HelperProbe {
  private HelperProbe() {}

  /** Prints what helper {@code name} says of {@code registry}. */
  public static void main(String[] arguments) throws IOException {
    try {
      Optional<Credentials> found = new CredentialHelper(arguments[0]).get(arguments[1]);
      System.out.print(
          found
              .map(
                  one ->
                      one.identityToken().isEmpty()
                          ? one.username() + " " + one.secret()
                          : " refresh " + one.identityToken())
              .orElse("none"));
    } catch (RegistryException e) {
      String message = String.valueOf(e.getMessage());
      System.out.print(
          message.contains("hunter2")
              ? "leak"
              : message.contains("no JSON")
                  ? "error no JSON"
                  : message.replaceFirst(".*(exits with \\d+).*", "error $1"));
    }
  }

  static String ask(String path, Path directory, String helper, String registry) {
    return Command.of(
            "env",
            "PATH=" + path,
            Path.of(System.getProperty("java.home"), "bin", "java"),
            "-cp",
            System.getProperty("java.class.path"),
            HelperProbe.class.getName(),
            helper,
            registry)
        .run()
        .output()
        .strip()
        .replaceFirst("^refresh", " refresh");
  }
}
