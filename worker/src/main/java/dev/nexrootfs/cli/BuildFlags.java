package dev.nexrootfs.cli;

import dev.nexrootfs.protocol.BuildRequest;
import dev.nexrootfs.protocol.FileSpec;
import dev.nexrootfs.protocol.Guest;
import dev.nexrootfs.protocol.Lint;
import dev.nexrootfs.protocol.Network;
import dev.nexrootfs.protocol.ReplyMode;
import dev.nexrootfs.protocol.Size;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** What is to be built: the four flags of {@code nex rootfs}, and ours. */
final class BuildFlags {
  @Option(
      names = "--image",
      paramLabel = "REF",
      description = {
        "Base image for rootfs build: [registry/]name[:tag][@digest],",
        "nats://BUCKET/object of an archive, oci:DIR[:tag], oci-archive:FILE",
        "or docker-archive:FILE",
        "(default: " + BuildRequest.DEFAULT_IMAGE + ")"
      })
  @Nullable String image;

  @Option(
      names = "--agent",
      paramLabel = "FILE",
      description = {
        "Path to agent binary, or https://HOST/PATH@sha256:HEX;",
        "required for the guest nex"
      })
  @Nullable String agent;

  @Option(
      names = "--script",
      paramLabel = "FILE",
      description =
          "Additional boot script ran during initialization, when the image is built; needs a worker with a sandbox")
  @Nullable Path script;

  @Option(
      names = "--network",
      paramLabel = "none|host",
      converter = NetworkWord.class,
      defaultValue = "none",
      description =
          "what the script may reach; host only where the worker's operator allows it (default: ${DEFAULT-VALUE})")
  Network network = Network.NONE;

  @Option(
      names = "--size",
      paramLabel = "SIZE",
      converter = SizeText.class,
      defaultValue = "157286400",
      description = {
        "Size of rootfs filesystem, as 157286400 or 150MiB; min for the smallest",
        "that holds the content, free=64MiB for that much room left",
        "(default: ${DEFAULT-VALUE})"
      })
  Size size = Size.DEFAULT;

  /** Sizes as people write them. */
  static final class SizeText implements ITypeConverter<Size> {
    @Override
    public Size convert(String text) {
      try {
        return Size.parse(text);
      } catch (IllegalArgumentException e) {
        // Of other exceptions picocli tells the class, too.
        throw new TypeConversionException(e.getMessage());
      }
    }
  }

  /** What scripts may reach, by its name in a request. */
  static final class NetworkWord implements ITypeConverter<Network> {
    @Override
    public Network convert(String text) {
      return switch (text.toLowerCase(Locale.ROOT)) {
        case "none" -> Network.NONE;
        case "host" -> Network.HOST;
        default -> throw new TypeConversionException("\"" + text + "\" is not none or host");
      };
    }
  }

  /** Guests by their names in a request. */
  static final class GuestWord implements ITypeConverter<Guest> {
    @Override
    public Guest convert(String text) {
      return switch (text.toLowerCase(Locale.ROOT)) {
        case "nex" -> Guest.NEX;
        case "plain" -> Guest.PLAIN;
        default -> throw new TypeConversionException("\"" + text + "\" is not nex or plain");
      };
    }
  }

  @Option(
      names = "--platform",
      paramLabel = "OS/ARCH",
      defaultValue = "linux/amd64",
      description = "platform of base image and agent (default: ${DEFAULT-VALUE})")
  String platform = "linux/amd64";

  @Option(
      names = "--guest",
      paramLabel = "nex|plain",
      converter = GuestWord.class,
      defaultValue = "nex",
      description = {
        "nex: lay the agent, its service and what Nex expects over the base;",
        "plain: the base and nothing else (default: ${DEFAULT-VALUE})"
      })
  Guest guest = Guest.NEX;

  @Option(
      names = "--file",
      paramLabel = "SRC=DEST",
      description = "add the file SRC at the absolute path DEST; can be given again")
  List<String> files = List.of();

  @Option(
      names = "--boot-script",
      paramLabel = "FILE",
      description =
          "script or program that the guest runs once, at its first boot, before the agent")
  @Nullable String bootScript;

  @Option(
      names = "--root-password",
      paramLabel = "HASH",
      description = {
        "root's password in the guest: a hash of openssl passwd -6, or the word root for root",
        "(default: none, the account is locked)"
      })
  @Nullable String rootPassword;

  @Option(
      names = "--strict",
      description = "store no image that would not boot or not start the agent")
  boolean strict;

  /** Where a file of this machine goes, for the request to name it. */
  @FunctionalInterface
  interface Placement {
    /** How the request names {@code file}. */
    String place(Path file) throws java.io.IOException, CommandFailure;
  }

  /**
   * The request.
   *
   * @param imageInstead the image, where it is not the flag's
   */
  BuildRequest request(
      Optional<String> imageInstead, String name, String tag, String namespace, Placement placement)
      throws java.io.IOException, CommandFailure {
    if (guest == Guest.NEX && agent == null) {
      throw CommandFailure.usage(
          "--agent is missing: give the Nex agent, or --guest plain for the base image alone",
          null);
    }
    try {
      List<FileSpec> specs = new java.util.ArrayList<>();
      for (String file : files) {
        specs.add(fileSpec(file, placement));
      }
      return new BuildRequest(
          imageInstead.orElse(image == null ? BuildRequest.DEFAULT_IMAGE : image),
          agent == null ? null : place(agent, "--agent", placement),
          script == null ? null : placement.place(existing(script, "--script").toAbsolutePath()),
          network,
          size,
          platform,
          guest,
          specs,
          name,
          tag,
          namespace,
          ReplyMode.FINAL,
          null,
          List.of("ext4"),
          bootScript == null ? null : place(bootScript, "--boot-script", placement),
          rootPassword,
          strict ? Lint.STRICT : Lint.WARN);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(String.valueOf(e.getMessage()), e);
    }
  }

  /** What a worker fetches itself stays as it is. */
  private static String place(String source, String flag, Placement placement)
      throws java.io.IOException, CommandFailure {
    return source.startsWith("https://") || source.startsWith("nats://")
        ? source
        : placement.place(existing(Path.of(source), flag));
  }

  private static FileSpec fileSpec(String text, Placement placement)
      throws java.io.IOException, CommandFailure {
    int equals = text.lastIndexOf('=');
    if (equals <= 0) {
      throw CommandFailure.usage("--file " + text + " is not SRC=DEST", null);
    }
    Path source = existing(Path.of(text.substring(0, equals)), "--file");
    String mode = Files.isExecutable(source) ? "0755" : "0644";
    return new FileSpec(text.substring(equals + 1), null, placement.place(source), mode, 0L, 0L);
  }

  static Path existing(Path file, String flag) throws CommandFailure {
    if (!Files.isRegularFile(file)) {
      throw new CommandFailure(flag + ": there is no file " + file);
    }
    return file;
  }
}
