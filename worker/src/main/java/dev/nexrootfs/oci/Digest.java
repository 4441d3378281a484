package dev.nexrootfs.oci;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * A digest of content: {@code sha256:} and 64, or {@code sha512:} and 128 lower-case hexadecimal
 * digits (image-spec, descriptor.md). Safe in a path or a URL by construction.
 *
 * @param text the digest as it is written
 */
public record Digest(String text) {
  private static final Pattern FORM = Pattern.compile("sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}");

  /**
   * Checks the form.
   *
   * @throws IllegalArgumentException for anything else
   */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public Digest {
    if (text == null || !FORM.matcher(text).matches()) {
      throw new IllegalArgumentException(
          "\""
              + text
              + "\" is not a digest: sha256: and 64, or sha512: and 128 hexadecimal digits");
    }
  }

  /** The SHA-256 of {@code bytes}. */
  public static Digest sha256(byte[] bytes) {
    return ofSha256(newSha256().digest(bytes));
  }

  /** A SHA-256 that was computed. */
  public static Digest ofSha256(byte[] hash) {
    return new Digest("sha256:" + HexFormat.of().formatHex(hash));
  }

  /** A new SHA-256, which every JDK has. */
  public static MessageDigest newSha256() {
    return newDigest("SHA-256");
  }

  /** A new computation by this digest's algorithm. */
  public MessageDigest newComputation() {
    return newComputation(algorithm());
  }

  /** A new computation by {@code sha256} or {@code sha512}. */
  public static MessageDigest newComputation(String algorithm) {
    return newDigest(algorithm.equals("sha256") ? "SHA-256" : "SHA-512");
  }

  /** Whether {@code hash} is this digest's value. */
  public boolean matches(byte[] hash) {
    return HexFormat.of().formatHex(hash).equals(hex());
  }

  /** {@code sha256} or {@code sha512}. */
  public String algorithm() {
    return text.substring(0, text.indexOf(':'));
  }

  /** The hexadecimal digits. */
  public String hex() {
    return text.substring(text.indexOf(':') + 1);
  }

  /** The digest as it is written. */
  @JsonValue
  @Override
  public String toString() {
    return text;
  }

  private static MessageDigest newDigest(String algorithm) {
    try {
      return MessageDigest.getInstance(algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("this JDK has no " + algorithm, e);
    }
  }
}
