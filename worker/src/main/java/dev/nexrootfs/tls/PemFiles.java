package dev.nexrootfs.tls;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/** Certificates and keys as most tools take them: PEM files (RFC 7468). */
public final class PemFiles {
  private static final Pattern PKCS8 =
      Pattern.compile("-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");

  private PemFiles() {}

  /**
   * A TLS context that trusts {@code ca}, or what the JDK trusts, and shows {@code cert} with
   * {@code key}.
   *
   * @throws IOException where a file cannot be read, or a certificate has no key
   * @throws GeneralSecurityException where a file's content cannot be used
   */
  public static SSLContext context(Optional<String> ca, Optional<String> cert, Optional<String> key)
      throws IOException, GeneralSecurityException {
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys(cert, key), trust(ca), null);
    return context;
  }

  private static TrustManager @Nullable [] trust(Optional<String> ca)
      throws IOException, GeneralSecurityException {
    if (ca.isEmpty()) {
      return null;
    }
    KeyStore store = emptyStore();
    int number = 0;
    for (Certificate certificate : certificates(ca.get())) {
      store.setCertificateEntry("ca" + number++, certificate);
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(store);
    return factory.getTrustManagers();
  }

  private static KeyManager @Nullable [] keys(Optional<String> cert, Optional<String> key)
      throws IOException, GeneralSecurityException {
    if (cert.isEmpty()) {
      return null;
    }
    if (key.isEmpty()) {
      throw new IOException("the certificate " + cert.get() + " needs its key");
    }
    KeyStore store = emptyStore();
    Certificate[] chain = certificates(cert.get()).toArray(Certificate[]::new);
    store.setKeyEntry("client", privateKey(key.get()), new char[0], chain);
    KeyManagerFactory factory =
        KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    factory.init(store, new char[0]);
    return factory.getKeyManagers();
  }

  private static Collection<? extends Certificate> certificates(String file)
      throws IOException, GeneralSecurityException {
    if (!Files.isReadable(Path.of(file))) {
      throw new IOException("the certificate file " + file + " cannot be read");
    }
    try (InputStream in = Files.newInputStream(Path.of(file))) {
      return CertificateFactory.getInstance("X.509").generateCertificates(in);
    }
  }

  private static PrivateKey privateKey(String file) throws IOException, GeneralSecurityException {
    Matcher matcher = PKCS8.matcher(Files.readString(Path.of(file)));
    if (!matcher.find()) {
      throw new IOException(
          file
              + " holds no PRIVATE KEY in PKCS#8 form; convert it with openssl pkcs8 -topk8 -nocrypt");
    }
    PKCS8EncodedKeySpec spec =
        new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(matcher.group(1)));
    GeneralSecurityException unknown =
        new GeneralSecurityException(file + " is neither an RSA, an EC nor an Ed25519 key");
    for (String algorithm : List.of("RSA", "EC", "Ed25519")) {
      try {
        return KeyFactory.getInstance(algorithm).generatePrivate(spec);
      } catch (InvalidKeySpecException e) {
        // Only its encoding says what a key is for: the next algorithm may be its own.
        unknown.addSuppressed(e);
      }
    }
    throw unknown;
  }

  private static KeyStore emptyStore() throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    return store;
  }
}
