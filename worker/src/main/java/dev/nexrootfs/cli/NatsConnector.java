package dev.nexrootfs.cli;

import dev.nexrootfs.tls.PemFiles;
import io.nats.client.AuthHandler;
import io.nats.client.AuthenticationException;
import io.nats.client.NKey;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Connects to NATS. A connection keeps trying for ever once it has been up. */
final class NatsConnector {
  private static final Logger LOG = LoggerFactory.getLogger(NatsConnector.class);

  /** While a worker is away, its requesters are told that nobody serves. */
  private static final Duration RECONNECT_WAIT = Duration.ofMillis(250);

  private static final Duration RETRY_WAIT = Duration.ofSeconds(1);

  /** A server that is gone without a word is noticed after this, {@link #PINGS} times. */
  private static final Duration PING = Duration.ofSeconds(30);

  /** A flush is a PING, too; one more than this that has no PONG yet ends the connection. */
  private static final int PINGS = 4;

  /** What may be written while a connection is away: more than an upload's window, twice. */
  private static final long RECONNECT_BUFFER_BYTES = 32 << 20;

  private NatsConnector() {}

  /**
   * Connects.
   *
   * @param name what the server's operator sees
   */
  static NatsSession connect(NatsSettings settings, String name)
      throws CommandFailure, InterruptedException {
    Options options = checkedOptions(settings, name);
    try {
      return new NatsSession(Nats.connect(options));
    } catch (AuthenticationException | IllegalArgumentException e) {
      throw new CommandFailure(
          "cannot connect to " + settings + ": " + settings.redact(e.getMessage()));
    } catch (IOException e) {
      // The cause says that it can pass; it is not printed, for it can hold a password.
      throw new CommandFailure(
          "cannot connect to " + settings + ": " + settings.redact(e.getMessage()), e);
    }
  }

  /**
   * Connects, and tries again until {@code deadline} where no server answers: at a machine's start
   * the network comes late. Who is refused is told at once.
   *
   * @param deadline by {@link System#nanoTime}
   */
  static NatsSession connect(NatsSettings settings, String name, long deadline)
      throws CommandFailure, InterruptedException {
    boolean told = false;
    while (true) {
      try {
        return connect(settings, name);
      } catch (CommandFailure e) {
        boolean passes = e.getCause() instanceof IOException;
        if (!passes || System.nanoTime() + RETRY_WAIT.toNanos() - deadline > 0) {
          throw passes
              ? new CommandFailure(ExitStatus.TIMED_OUT, String.valueOf(e.getMessage()), e)
              : e;
        }
        if (!told) {
          told = true;
          LOG.warn("{}; trying again until the timeout", e.getMessage());
        }
        Thread.sleep(RETRY_WAIT.toMillis());
      }
    }
  }

  private static Options checkedOptions(NatsSettings settings, String name) throws CommandFailure {
    try {
      return options(settings, name);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(
          "cannot connect to " + settings + ": " + settings.redact(e.getMessage()), null);
    } catch (IOException e) {
      throw new CommandFailure(
          "cannot connect to " + settings + ": " + settings.redact(e.getMessage()));
    } catch (GeneralSecurityException e) {
      throw new CommandFailure("TLS files cannot be used: " + e.getMessage(), e);
    }
  }

  private static Options options(NatsSettings settings, String name)
      throws IOException, GeneralSecurityException {
    Options.Builder builder =
        new Options.Builder()
            .servers(settings.server().split("\\s*,\\s*", -1))
            .connectionName(name)
            .connectionTimeout(Duration.ofSeconds(5))
            .maxReconnects(-1)
            .reconnectBufferSize(RECONNECT_BUFFER_BYTES)
            .reconnectWait(RECONNECT_WAIT)
            .pingInterval(PING)
            .maxPingsOut(PINGS)
            .requestCleanupInterval(Duration.ofSeconds(5))
            .errorListener(new ConnectionLog(name, settings))
            .connectionListener(new ConnectionLog(name, settings));
    identify(builder, settings);
    if (settings.cert().isPresent() && settings.key().isEmpty()) {
      throw new IOException("--tlscert " + settings.cert().get() + " needs --tlskey");
    }
    if (settings.ca().isPresent() || settings.cert().isPresent() || settings.tlsFirst()) {
      builder.sslContext(PemFiles.context(settings.ca(), settings.cert(), settings.key()));
    }
    if (settings.tlsFirst()) {
      builder.tlsFirst();
    }
    settings.inboxPrefix().ifPresent(builder::inboxPrefix);
    return builder.build();
  }

  /** In natscli's order: user and password, credentials, NKEY; a user alone is a token. */
  private static void identify(Options.Builder builder, NatsSettings settings) throws IOException {
    if (settings.user().isPresent() && settings.password().isPresent()) {
      builder.userInfo(
          settings.user().get().toCharArray(), settings.password().get().toCharArray());
    } else if (settings.user().isPresent()) {
      builder.token(settings.user().get().toCharArray());
    } else if (settings.creds().isPresent()) {
      Path file = Path.of(settings.creds().get());
      if (!Files.isReadable(file)) {
        throw new IOException("the credentials file " + file + " cannot be read");
      }
      builder.authHandler(Nats.credentials(file.toString()));
    } else if (settings.nkey().isPresent()) {
      NkeyFile seed = new NkeyFile(Path.of(settings.nkey().get()));
      seed.check();
      builder.authHandler(seed);
    } else if (settings.token().isPresent()) {
      builder.token(settings.token().get().toCharArray());
    }
  }

  /**
   * Signs with a seed that is read from its file for each connection, so that it can be replaced.
   */
  private record NkeyFile(Path file) implements AuthHandler {
    @Override
    public byte[] sign(byte[] nonce) {
      NKey key = read();
      try {
        return key.sign(nonce);
      } catch (GeneralSecurityException | IOException e) {
        throw new IllegalStateException("the NKEY in " + file + " cannot sign", e);
      } finally {
        key.clear();
      }
    }

    @Override
    public char[] getID() {
      NKey key = read();
      try {
        return key.getPublicKey();
      } catch (GeneralSecurityException | IOException e) {
        throw new IllegalStateException("the NKEY in " + file + " has no public key", e);
      } finally {
        key.clear();
      }
    }

    @Override
    public char[] getJWT() {
      return new char[0];
    }

    /** Fails where the file has no seed, before the first connection asks for it. */
    void check() throws IOException {
      readSeed().clear();
    }

    private NKey read() {
      try {
        return readSeed();
      } catch (IOException e) {
        throw new IllegalStateException(e.getMessage(), e);
      }
    }

    private NKey readSeed() throws IOException {
      try {
        String seed =
            Files.readString(file)
                .lines()
                .map(String::strip)
                .filter(line -> line.startsWith("S"))
                .findFirst()
                .orElseThrow(() -> new IOException("no seed in it"));
        return NKey.fromSeed(seed.toCharArray());
      } catch (IOException | IllegalArgumentException e) {
        throw new IOException("the NKEY file " + file + " cannot be used: " + e.getMessage(), e);
      }
    }
  }
}
