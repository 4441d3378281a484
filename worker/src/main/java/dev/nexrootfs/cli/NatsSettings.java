package dev.nexrootfs.cli;

import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How to reach NATS, with flags, variables and context put together.
 *
 * @param server URLs, separated by commas
 * @param user user name
 * @param password password
 * @param token token
 * @param creds path of a credentials file
 * @param nkey path of an NKEY seed file
 * @param cert path of the client's certificate, PEM
 * @param key path of the client's key, PEM
 * @param ca path of certificate authorities, PEM
 * @param tlsFirst whether TLS comes before the server's greeting
 * @param inboxPrefix prefix of inboxes
 */
record NatsSettings(
    String server,
    Optional<String> user,
    Optional<String> password,
    Optional<String> token,
    Optional<String> creds,
    Optional<String> nkey,
    Optional<String> cert,
    Optional<String> key,
    Optional<String> ca,
    boolean tlsFirst,
    Optional<String> inboxPrefix) {
  private static final String DEFAULT_SERVER = "nats://127.0.0.1:4222";

  /**
   * The settings of {@code flags} over those of the context that they name, or that is selected.
   */
  static NatsSettings of(NatsFlags flags) throws IOException, CommandFailure {
    NatsContext context =
        flags.noContext
            ? NatsContext.EMPTY
            : NatsContext.load(Optional.ofNullable(blank(flags.context)));
    boolean ownUser =
        blank(flags.user) != null
            || blank(flags.token) != null
            || blank(flags.creds) != null
            || blank(flags.nkey) != null;
    // Who we are comes from one place: a user from the command line and credentials from a context
    // do not mix.
    NatsContext identity = ownUser ? NatsContext.EMPTY : context;
    return new NatsSettings(
        either(flags.server, context, "url").orElse(DEFAULT_SERVER),
        either(flags.user, identity, "user"),
        either(flags.password, identity, "password"),
        either(flags.token, identity, "token"),
        either(flags.creds, identity, "creds"),
        either(flags.nkey, identity, "nkey"),
        either(flags.tlsCert, context, "cert"),
        either(flags.tlsKey, context, "key"),
        either(flags.tlsCa, context, "ca"),
        flags.tlsFirst || context.isSet("tls_first"),
        either(flags.inboxPrefix, context, "inbox_prefix"));
  }

  /** The same with another identity, all of it from {@code context}. */
  NatsSettings as(NatsContext context) throws CommandFailure {
    return new NatsSettings(
        server,
        context.get("user"),
        context.get("password"),
        context.get("token"),
        context.get("creds"),
        context.get("nkey"),
        firstOf(context.get("cert"), cert),
        firstOf(context.get("key"), key),
        firstOf(context.get("ca"), ca),
        tlsFirst,
        context.get("inbox_prefix"));
  }

  private static Optional<String> either(@Nullable String flag, NatsContext context, String field)
      throws CommandFailure {
    String own = blank(flag);
    return own == null ? context.get(field) : Optional.of(own);
  }

  private static Optional<String> firstOf(Optional<String> first, Optional<String> second) {
    return first.isPresent() ? first : second;
  }

  /** A variable that is not set reaches us as null, one that is empty counts as not set. */
  private static @Nullable String blank(@Nullable String text) {
    return text == null || text.isBlank() ? null : text;
  }

  /** The servers, without what they say of users. */
  @Override
  public String toString() {
    return Arrays.stream(server.split("\\s*,\\s*", -1))
        .map(url -> url.replaceFirst("^([A-Za-z]+://)?.*@", "$1***@"))
        .collect(Collectors.joining(","));
  }

  /**
   * A text of the client's with the servers in it as {@link #toString} has them: it puts whole URLs
   * into messages.
   */
  String redact(@Nullable String text) {
    String clean = String.valueOf(text);
    for (String url : server.split("\\s*,\\s*", -1)) {
      int at = url.lastIndexOf('@');
      if (at >= 0) {
        int start = url.contains("://") ? url.indexOf("://") + 3 : 0;
        clean = clean.replace(url.substring(Math.min(start, at), at), "***");
      }
    }
    return withoutSecrets(clean);
  }

  /** A text with the user part of every URL in it taken out. */
  static String withoutSecrets(@Nullable String text) {
    return String.valueOf(text).replaceAll("//[^@/\\s]*@", "//***@");
  }
}
