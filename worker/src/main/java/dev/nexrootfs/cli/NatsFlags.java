package dev.nexrootfs.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * How to reach NATS: the flags and variables of the {@code nats} command line. A flag counts before
 * its variable, and that before the context.
 */
final class NatsFlags {
  @Option(
      names = {"-s", "--server"},
      defaultValue = "${env:NATS_URL}",
      paramLabel = "URL",
      description =
          "NATS server URLs, separated by commas (NATS_URL; default nats://127.0.0.1:4222)")
  @Nullable String server;

  @Option(
      names = "--user",
      defaultValue = "${env:NATS_USER}",
      description = "user name, or a token where no password is given (NATS_USER)")
  @Nullable String user;

  @Option(
      names = "--password",
      defaultValue = "${env:NATS_PASSWORD}",
      description = "password (NATS_PASSWORD)")
  @Nullable String password;

  @Option(names = "--token", defaultValue = "${env:NATS_TOKEN}", description = "token (NATS_TOKEN)")
  @Nullable String token;

  @Option(
      names = "--creds",
      defaultValue = "${env:NATS_CREDS}",
      paramLabel = "FILE",
      description = "user credentials, JWT and seed (NATS_CREDS)")
  @Nullable String creds;

  @Option(
      names = "--nkey",
      defaultValue = "${env:NATS_NKEY}",
      paramLabel = "FILE",
      description = "user NKEY seed (NATS_NKEY)")
  @Nullable String nkey;

  @Option(
      names = "--tlscert",
      defaultValue = "${env:NATS_CERT}",
      paramLabel = "FILE",
      description = "client certificate, PEM (NATS_CERT)")
  @Nullable String tlsCert;

  @Option(
      names = "--tlskey",
      defaultValue = "${env:NATS_KEY}",
      paramLabel = "FILE",
      description = "client private key, PEM PKCS#8 (NATS_KEY)")
  @Nullable String tlsKey;

  @Option(
      names = "--tlsca",
      defaultValue = "${env:NATS_CA}",
      paramLabel = "FILE",
      description = "certificate authorities, PEM (NATS_CA)")
  @Nullable String tlsCa;

  @Option(names = "--tlsfirst", description = "TLS before the server's greeting")
  boolean tlsFirst;

  @Option(
      names = "--context",
      defaultValue = "${env:NATS_CONTEXT}",
      paramLabel = "NAME",
      description = "NATS context to use (NATS_CONTEXT; default the selected one)")
  @Nullable String context;

  @Option(names = "--no-context", description = "do not read a NATS context")
  boolean noContext;

  @Option(names = "--inbox-prefix", paramLabel = "PREFIX", description = "prefix of inboxes")
  @Nullable String inboxPrefix;
}
