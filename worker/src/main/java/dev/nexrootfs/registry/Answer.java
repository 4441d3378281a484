package dev.nexrootfs.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/**
 * A response to be read and closed.
 *
 * @param from where it came from, after redirects
 * @param isForeign whether that is another place than the one that was asked
 */
record Answer(int status, HttpHeaders headers, InputStream body, URI from, boolean isForeign)
    implements Closeable {
  private static final int MAX_ERROR_BYTES = 1 << 16;
  private static final int MAX_ERROR_TEXT = 300;
  private static final Duration DOCUMENT = Duration.ofSeconds(30);
  private static final ObjectMapper JSON = new ObjectMapper();

  boolean isSuccess() {
    return status >= 200 && status < 300;
  }

  Optional<String> header(String name) {
    return headers.firstValue(name);
  }

  OptionalLong contentLength() {
    try {
      return headers.firstValueAsLong("content-length");
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    }
  }

  /** The Content-Type without its parameters. */
  String mediaType() {
    return header("content-type").map(type -> type.replaceFirst(";.*", "").strip()).orElse("");
  }

  /** What Retry-After says: seconds, or a date (RFC 9110, 10.2.3). */
  Optional<Duration> retryAfter() {
    Optional<String> text = header("retry-after").map(String::strip);
    if (text.isEmpty()) {
      return Optional.empty();
    }
    if (text.get().matches("\\d{1,9}")) {
      return Optional.of(Duration.ofSeconds(Long.parseLong(text.get())));
    }
    try {
      Instant date =
          ZonedDateTime.parse(text.get(), DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      Duration left = Duration.between(Instant.now(), date);
      return Optional.of(left.isNegative() ? Duration.ZERO : left);
    } catch (DateTimeException e) {
      return Optional.empty();
    }
  }

  /**
   * A document of {@code most} bytes or fewer, which comes within {@link #DOCUMENT} and a second
   * for each 64 KiB or not at all; of a longer one {@code most} bytes.
   *
   * @throws RegistryException {@code FAILED} where it drips
   */
  byte[] document(int most) throws IOException {
    long start = System.nanoTime();
    ByteArrayOutputStream document = new ByteArrayOutputStream();
    byte[] buffer = new byte[1 << 13];
    while (document.size() < most) {
      int got = body.read(buffer, 0, Math.min(buffer.length, most - document.size()));
      if (got < 0) {
        break;
      }
      document.write(buffer, 0, got);
      long allowed = DOCUMENT.toNanos() + TimeUnit.SECONDS.toNanos(document.size() >> 16);
      if (System.nanoTime() - start > allowed) {
        throw new RegistryException(
            RegistryException.Reason.FAILED,
            Transport.shown(from)
                + " sends a document too slowly: "
                + document.size()
                + " bytes in "
                + TimeUnit.NANOSECONDS.toSeconds(allowed)
                + " s",
            null);
      }
    }
    return document.toByteArray();
  }

  /** What the error's body says, for a person: the first error of distribution-spec's form. */
  String errorText() {
    try {
      JsonNode error = JSON.readTree(document(MAX_ERROR_BYTES)).path("errors").path(0);
      String text =
          (error.path("code").asText("") + " " + error.path("message").asText("")).strip();
      String line = text.replaceAll("[\\p{Cntrl}]+", " ");
      String shown = line.length() > MAX_ERROR_TEXT ? line.substring(0, MAX_ERROR_TEXT) : line;
      return shown.isEmpty() ? "" : ": " + shown;
    } catch (IOException e) {
      return ""; // An error's body may have any form; the status says enough.
    }
  }

  @Override
  public void close() throws IOException {
    body.close();
  }
}
