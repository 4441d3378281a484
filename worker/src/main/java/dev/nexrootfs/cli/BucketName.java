package dev.nexrootfs.cli;

import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Names of buckets and streams: letters, digits, {@code _} and {@code -}, at most 64 (ADR-20). */
final class BucketName implements ITypeConverter<String> {
  private static final Pattern FORM = Pattern.compile("[A-Za-z0-9_-]{1,64}");

  @Override
  public String convert(String text) {
    if (!FORM.matcher(text).matches()) {
      throw new TypeConversionException("\"" + text + "\" is not 1 to 64 letters, digits, _ and -");
    }
    return text;
  }
}
