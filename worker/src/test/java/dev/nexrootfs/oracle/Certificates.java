package dev.nexrootfs.oracle;

import java.nio.file.Path;

/** A private certificate authority, made by openssl. */
public final class Certificates {
  private Certificates() {}

  /**
   * Makes {@code ca.pem}, and {@code .pem} and {@code .key} that it signed of {@code server} and
   * {@code client}, for localhost and 127.0.0.1, and of {@code other}, for registry.example only.
   */
  public static void make(Path directory) {
    Command.require("openssl");
    String script =
        """
        set -e; cd "$0"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca
        for name in server client other; do
          openssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj /CN=$name
          hosts=DNS:localhost,IP:127.0.0.1
          [ $name != other ] || hosts=DNS:registry.example
          echo "subjectAltName=$hosts" > $name.ext
          openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $name.pem -days 2 -extfile $name.ext
        done
        """;
    Command.of("sh", "-c", script, directory).run().orThrow();
  }
}
