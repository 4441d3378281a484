package dev.nexrootfs.cli;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A NATS context (ADR-21): {@code nats/context/NAME.json} below {@code $XDG_CONFIG_HOME} or {@code
 * ~/.config}. Values can refer to a variable as {@code env://NAME}; {@code ~} in a path is the home
 * directory.
 *
 * @param name the context's name, for messages
 * @param fields the document
 */
record NatsContext(String name, JsonNode fields) {
  /** Nothing set. */
  static final NatsContext EMPTY = new NatsContext("", JsonNodeFactory.instance.objectNode());

  /** The context {@code name}, or the selected one, or an empty one where none is selected. */
  static NatsContext load(Optional<String> name) throws IOException, CommandFailure {
    Path directory = configDirectory();
    Optional<String> wanted = name.isPresent() ? name : selected(directory);
    if (wanted.isEmpty()) {
      return EMPTY;
    }
    Path file = directory.resolve("context").resolve(wanted.get() + ".json");
    if (!Files.isRegularFile(file)) {
      throw new CommandFailure("there is no NATS context " + wanted.get() + ": no file " + file);
    }
    try {
      return new NatsContext(wanted.get(), new ObjectMapper().readTree(file.toFile()));
    } catch (JacksonException e) {
      // What the parser says quotes the file, and that holds passwords.
      String line = e.getLocation() == null ? "" : ", line " + e.getLocation().getLineNr();
      throw new CommandFailure("NATS context " + file + line + ": not JSON");
    }
  }

  /** A field's value, if it is set. */
  Optional<String> get(String field) throws CommandFailure {
    JsonNode value = fields.path(field);
    if (!value.isTextual() || value.asText().isBlank()) {
      return Optional.empty();
    }
    return Optional.of(resolve(field, value.asText()));
  }

  /** Whether a field is true. */
  boolean isSet(String field) {
    return fields.path(field).asBoolean(false);
  }

  private String resolve(String field, String value) throws CommandFailure {
    if (value.startsWith("env://")) {
      String variable = value.substring("env://".length());
      String content = System.getenv(variable);
      if (content == null) {
        throw new CommandFailure(
            "NATS context "
                + name
                + ": "
                + field
                + " refers to the variable "
                + variable
                + ", which is not set");
      }
      return content;
    }
    if (value.startsWith("nsc://") || value.startsWith("op://")) {
      throw new CommandFailure(
          "NATS context "
              + name
              + ": "
              + field
              + " is kept by another program ("
              + value.substring(0, value.indexOf(':'))
              + "); export it to a file and give that, or --creds FILE");
    }
    if (value.startsWith("file://")) {
      return value.substring("file://".length());
    }
    return value.startsWith("~/") ? Home.directory() + value.substring(1) : value;
  }

  private static Path configDirectory() {
    String configured = System.getenv("XDG_CONFIG_HOME");
    Path base =
        configured == null || configured.isBlank()
            ? Home.directory().resolve(".config")
            : Path.of(configured);
    return base.resolve("nats");
  }

  private static Optional<String> selected(Path directory) throws IOException {
    Path file = directory.resolve("context.txt");
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    return Optional.of(Files.readString(file).strip()).filter(text -> !text.isEmpty());
  }

  @Override
  public String toString() {
    return "NatsContext[" + name + "]";
  }
}
