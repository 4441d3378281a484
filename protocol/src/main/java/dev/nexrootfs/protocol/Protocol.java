package dev.nexrootfs.protocol;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The records of this package as JSON.
 *
 * <p>Requests are read strictly: unknown fields, doubled fields, trailing text and values of
 * another type are errors. Replies and events are read leniently, so that an old requester
 * understands a newer worker.
 */
public final class Protocol {
  private static final ObjectMapper STRICT =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
          .withCoercionConfig(
              LogicalType.Textual,
              text ->
                  text.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
          .build();

  private static final ObjectMapper LENIENT =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  private Protocol() {}

  /**
   * Reads a request.
   *
   * @throws RequestException {@link ErrorCode#INVALID_JSON}, {@link ErrorCode#UNKNOWN_FIELD} or
   *     {@link ErrorCode#INVALID_FIELD}, with the field and the place
   */
  public static BuildRequest readRequest(byte[] json) throws RequestException {
    return read(json, BuildRequest.class, "files", FileSpec.class);
  }

  /**
   * Reads which build is meant; as strictly.
   *
   * @throws RequestException as above
   */
  public static StatusRequest readStatusRequest(byte[] json) throws RequestException {
    return read(json, StatusRequest.class, "", StatusRequest.class);
  }

  private static <T extends Record> T read(
      byte[] json, Class<T> type, String list, Class<? extends Record> element)
      throws RequestException {
    JsonNode document = MissingNode.getInstance();
    try {
      document = STRICT.readTree(json);
      if (!document.isObject()) {
        throw new RequestException(ErrorCode.INVALID_JSON, "the request is not a JSON object");
      }
      // Before any value is looked at: a misspelled field is better news than the one that is
      // missing for it.
      checkFields(document, type, "");
      for (int i = 0; i < document.path(list).size(); i++) {
        checkFields(document.path(list).path(i), element, list + "[" + i + "].");
      }
      checkText(document, "");
      return STRICT.treeToValue(document, type);
    } catch (ValueInstantiationException e) {
      Throwable cause = e.getCause();
      String what = cause == null ? e.getOriginalMessage() : String.valueOf(cause.getMessage());
      throw new RequestException(ErrorCode.INVALID_FIELD, what, e);
    } catch (MismatchedInputException e) {
      if (e.getPath().isEmpty()) {
        throw new RequestException(
            ErrorCode.INVALID_JSON, "more than one JSON object; send one", e);
      }
      throw new RequestException(
          ErrorCode.INVALID_FIELD,
          path(e) + ": " + shown(document, e) + "not " + describe(e.getTargetType()),
          e);
    } catch (JsonMappingException e) {
      boolean inField = !e.getPath().isEmpty();
      throw new RequestException(
          inField ? ErrorCode.INVALID_FIELD : ErrorCode.INVALID_JSON,
          (inField ? path(e) + ": " : "") + e.getOriginalMessage(),
          e);
    } catch (StreamConstraintsException e) {
      String what = e.getOriginalMessage().replaceAll(", from `[^`]*`", "");
      throw new RequestException(ErrorCode.INVALID_JSON, "more than is taken: " + what, e);
    } catch (JsonProcessingException e) {
      // What follows the first parenthesis is about the parser's source, which is ours.
      String what = e.getOriginalMessage().replaceFirst("(?s) ?\\(.*", "");
      throw new RequestException(ErrorCode.INVALID_JSON, "not JSON: " + what + place(e), e);
    } catch (IOException e) {
      throw new IllegalStateException("reading bytes in memory failed", e);
    }
  }

  private static void checkFields(JsonNode object, Class<? extends Record> type, String prefix)
      throws RequestException {
    Set<String> known =
        Arrays.stream(type.getRecordComponents())
            .map(RecordComponent::getName)
            .collect(Collectors.toCollection(TreeSet::new));
    for (Iterator<String> names = object.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      if (!known.contains(name)) {
        throw new RequestException(
            ErrorCode.UNKNOWN_FIELD,
            "unknown field \"" + prefix + name + "\"; known are " + String.join(", ", known));
      }
    }
  }

  /**
   * Reads a reply, an error or an event; fields that this version does not know are ignored.
   *
   * @throws IOException where {@code json} is not a document of {@code type}
   */
  public static <T> T read(byte[] json, Class<T> type) throws IOException {
    return LENIENT.readValue(json, type);
  }

  /** Writes any record of this package. */
  public static byte[] write(Object document) {
    try {
      return LENIENT.writeValueAsBytes(document);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("not a document of the protocol: " + document, e);
    }
  }

  /** Writes any record of this package as text. */
  public static String writeText(Object document) {
    return new String(write(document), StandardCharsets.UTF_8);
  }

  /** A type in JSON's words. */
  private static String describe(@Nullable Class<?> type) {
    if (type == null || Record.class.isAssignableFrom(type)) {
      return "an object";
    }
    if (type.isEnum()) {
      return "one of " + Arrays.toString(type.getEnumConstants()).toLowerCase(Locale.ROOT);
    }
    if (type == Long.class || type == Size.class) {
      return "a whole number";
    }
    return type == String.class ? "a string" : "a list";
  }

  /** The value, where it cannot be a secret and says more than its field. */
  private static String shown(JsonNode document, MismatchedInputException e) {
    Class<?> type = e.getTargetType();
    if (type == null || !(type.isEnum() || type == Long.class || type == Size.class)) {
      return "";
    }
    JsonNode value = document;
    for (JsonMappingException.Reference step : e.getPath()) {
      value =
          step.getFieldName() == null
              ? value.path(step.getIndex())
              : value.path(step.getFieldName());
    }
    String text = value.toString();
    return text.substring(0, Math.min(100, text.length())) + " is ";
  }

  /** Half of a surrogate pair is no character: in UTF-8 it would become another. */
  private static void checkText(JsonNode node, String field) throws RequestException {
    if (node.isTextual() && !StandardCharsets.UTF_8.newEncoder().canEncode(node.textValue())) {
      throw new RequestException(
          ErrorCode.INVALID_FIELD,
          field + ": has half of a surrogate pair, which is no character; send UTF-8");
    }
    for (int i = 0; node.isArray() && i < node.size(); i++) {
      checkText(node.get(i), field + "[" + i + "]");
    }
    for (Iterator<String> names = node.fieldNames(); names.hasNext(); ) {
      String name = names.next();
      checkText(node.get(name), field.isEmpty() ? name : field + "." + name);
    }
  }

  private static String path(JsonMappingException e) {
    StringBuilder path = new StringBuilder();
    for (JsonMappingException.Reference step : e.getPath()) {
      if (step.getFieldName() == null) {
        path.append('[').append(step.getIndex()).append(']');
      } else {
        path.append(path.length() == 0 ? "" : ".").append(step.getFieldName());
      }
    }
    return path.toString();
  }

  private static String place(JsonProcessingException e) {
    return e.getLocation() == null
        ? ""
        : " at line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr();
  }
}
