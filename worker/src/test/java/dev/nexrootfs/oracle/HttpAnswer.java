package dev.nexrootfs.oracle;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/**
 * What a server on this machine answers to one GET. Not by {@code java.net.http}: the first use of
 * that decides for the whole process which proxies see passwords, and is the registry client's.
 */
public record HttpAnswer(int status, String contentType, String body) {
  /** From a port of the loopback address; an answer of 400 and above is one, too. */
  public static HttpAnswer of(int port, String path) throws IOException {
    HttpURLConnection connection =
        (HttpURLConnection)
            URI.create("http://127.0.0.1:" + port + path)
                .toURL()
                .openConnection(java.net.Proxy.NO_PROXY);
    try {
      int status = connection.getResponseCode();
      String type = connection.getContentType();
      try (InputStream body =
          status < 400 ? connection.getInputStream() : connection.getErrorStream()) {
        return new HttpAnswer(
            status,
            type == null ? "" : type,
            body == null ? "" : new String(body.readAllBytes(), StandardCharsets.UTF_8));
      }
    } finally {
      connection.disconnect();
    }
  }
}
