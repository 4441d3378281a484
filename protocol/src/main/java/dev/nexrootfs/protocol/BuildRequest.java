package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A request for one root file system, as it travels on {@link Subjects#build()}.
 *
 * <p>Every field but the agent has the default of {@code nex rootfs}; a field that is not listed
 * here is an error.
 *
 * @param image base image: {@code [registry/]name[:tag][@digest]}, {@code nats://BUCKET/object} for
 *     an archive, or {@code oci:DIR[:tag]}, {@code oci-archive:FILE}, {@code docker-archive:FILE}
 *     where the operator allows paths
 * @param agent where the Nex agent is: {@code nats://BUCKET/object[@sha256:…]}, or a path that the
 *     operator allows; required for {@link Guest#NEX}
 * @param script a setup script, run over the base and the files when the image is built: its text,
 *     {@code nats://BUCKET/object[@sha256:…]}, {@code https://…@sha256:…}, or an absolute path that
 *     the operator allows
 * @param network what the script may reach
 * @param size bytes of the whole image
 * @param platform {@code os/architecture[/variant]}
 * @param guest what is laid over the base
 * @param files files to add
 * @param name first part of the object's name, {@code [A-Za-z0-9._-]+}
 * @param tag second part of the object's name, {@code [A-Za-z0-9._-]+}
 * @param namespace the Nex namespace of the events: one token, {@code [A-Za-z0-9_-]+}
 * @param reply how to answer
 * @param timeoutSeconds after which the build is given up, 1 to 86400; null for the pool's limit
 * @param formats what to store: {@code ext4}, which always is, and {@code ext4.gz}, compressed and
 *     with a {@code .sha256} beside it, as Nex 0.2's preflight downloads them
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record BuildRequest(
    String image,
    @Nullable String agent,
    @Nullable String script,
    Network network,
    Size size,
    String platform,
    Guest guest,
    List<FileSpec> files,
    String name,
    String tag,
    String namespace,
    ReplyMode reply,
    @Nullable Long timeoutSeconds,
    List<String> formats,
    @Nullable String bootScript,
    @Nullable String rootPassword,
    Lint lint) {
  /** The base image that {@code nex rootfs} uses. */
  public static final String DEFAULT_IMAGE = "synadia/nex-rootfs:alpine";

  /** Most files of one request. */
  public static final int MAX_FILES = 1024;

  /** Every format. */
  private static final Set<String> FORMATS = Set.of("ext4", "ext4.gz");

  /** Longest time that a request may wait for its image. */
  public static final long MAX_TIMEOUT_SECONDS = 86_400;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  private static final Pattern SOURCE = Pattern.compile("[^\\s\\p{Cntrl}\\x{FFFD}\\p{Cs}]{1,4096}");
  private static final Pattern WITH_USER = Pattern.compile("^[A-Za-z][A-Za-z0-9+.-]*://[^/]*@");

  /** Of an image of a registry, whose name has no place for a user. */
  private static final Pattern NO_DIGEST =
      Pattern.compile("^(?![a-z-]+:/|oci:|oci-archive:|docker-archive:)[^@]*@(?!sha\\d+:\\w+$)");

  private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9_-]{1,64}");
  private static final Pattern PLATFORM =
      Pattern.compile("[a-z0-9]{1,32}/[a-z0-9_]{1,32}(/[a-z0-9.]{1,16})?");

  /** The word that {@link #rootPassword} takes as it is, the password of Nex's documentation. */
  public static final String WELL_KNOWN_PASSWORD = "root";

  /** crypt(5): an identifier of the method, parameters and salt, the hash. */
  private static final Pattern CRYPT_HASH =
      Pattern.compile("\\$[0-9a-z]{1,16}\\$[A-Za-z0-9./$=,+-]{8,256}");

  /** Fills the defaults in and checks every field. */
  public BuildRequest {
    checkNoNull("files", files);
    checkNoNull("formats", formats);
    image = image == null ? DEFAULT_IMAGE : image;
    network = network == null ? Network.NONE : network;
    size = size == null ? Size.DEFAULT : size;
    platform = platform == null ? "linux/amd64" : platform;
    guest = guest == null ? Guest.NEX : guest;
    files = files == null ? List.of() : List.copyOf(files);
    name = name == null ? "rootfs" : name;
    tag = tag == null ? "latest" : tag;
    namespace = namespace == null ? "default" : namespace;
    reply = reply == null ? ReplyMode.FINAL : reply;
    formats = formats == null ? List.of("ext4") : List.copyOf(formats);
    lint = lint == null ? Lint.WARN : lint;

    checkSource("image", image);
    if (NO_DIGEST.matcher(image).find()) {
      throw new IllegalArgumentException(
          "image: what stands behind the @ is no digest, sha256:HEX; credentials are the worker's, never the request's");
    }
    if (agent != null) {
      checkSource("agent", agent);
    }
    if (script != null && script.isBlank()) {
      throw new IllegalArgumentException("script: empty; leave it out, or give a script");
    }
    checkMatches("platform", platform, PLATFORM);
    checkMatches("name", name, NAME);
    if (name.equals("build") || name.startsWith("build_")) {
      throw new IllegalArgumentException(
          "name: \"" + name + "\" is taken by the images' own names, build_…; choose another");
    }
    checkMatches("tag", tag, NAME);
    checkMatches("namespace", namespace, TOKEN);
    if (guest == Guest.NEX && (agent == null || agent.isBlank())) {
      throw new IllegalArgumentException(
          "agent: missing; give the Nex agent as nats://BUCKET/object, or \"guest\":\"plain\" for an image without one");
    }
    if (files.size() > MAX_FILES) {
      throw new IllegalArgumentException(
          "files: "
              + files.size()
              + " files are more than "
              + MAX_FILES
              + "; put them into a layer");
    }
    checkPaths(files);
    checkGuest(guest, bootScript, rootPassword, lint);
    if (timeoutSeconds != null && (timeoutSeconds < 1 || timeoutSeconds > MAX_TIMEOUT_SECONDS)) {
      throw new IllegalArgumentException(
          "timeoutSeconds: " + timeoutSeconds + " is not from 1 to " + MAX_TIMEOUT_SECONDS);
    }
    if (formats.isEmpty() || !FORMATS.containsAll(formats)) {
      throw new IllegalArgumentException(
          "formats: " + formats + " is not supported; use [\"ext4\"] or [\"ext4\",\"ext4.gz\"]");
    }
  }

  private static void checkPaths(List<FileSpec> files) {
    Set<String> paths = new HashSet<>();
    for (FileSpec file : files) {
      if (!paths.add(file.path())) {
        throw new IllegalArgumentException(
            "files[].path: \"" + file.path() + "\" is there twice; leave one of them out");
      }
      if (file.path().equals("/lost+found") || file.path().startsWith("/lost+found/")) {
        throw new IllegalArgumentException(
            "files[].path: \""
                + file.path()
                + "\" is in the directory that e2fsck keeps for itself; choose another place");
      }
    }
  }

  private static void checkGuest(
      Guest guest, @Nullable String bootScript, @Nullable String rootPassword, Lint lint) {
    if (guest == Guest.PLAIN) {
      checkUnset("bootScript", bootScript == null);
      checkUnset("rootPassword", rootPassword == null);
      checkUnset("lint", lint == Lint.WARN);
    }
    if (bootScript != null && !isInline(bootScript)) {
      checkSource("bootScript", bootScript);
    }
    if (rootPassword != null
        && !rootPassword.equals(WELL_KNOWN_PASSWORD)
        && !CRYPT_HASH.matcher(rootPassword).matches()) {
      // What was given can be a password, so it is not repeated.
      throw new IllegalArgumentException(
          "rootPassword: neither \"root\" nor a hash as openssl passwd -6 prints it");
    }
  }

  private static void checkUnset(String field, boolean unset) {
    if (!unset) {
      throw new IllegalArgumentException(
          field + ": only guest \"nex\" has it; leave it out, or \"guest\":\"plain\"");
    }
  }

  /** Whether a script is here itself; otherwise it is the place of one. */
  public static boolean isInline(String script) {
    return script.startsWith("#!") || script.indexOf('\n') >= 0;
  }

  /**
   * Checks where an input is said to be: a line of at most 4096 characters without a user in it.
   * What is wrong is not repeated, since it can be a secret.
   */
  static void checkSource(String field, String source) {
    if (!SOURCE.matcher(source).matches()) {
      throw new IllegalArgumentException(
          field + ": not 1 to 4096 characters without spaces and control characters");
    }
    if (WITH_USER.matcher(source).find()) {
      throw new IllegalArgumentException(
          field + ": the location names a user; credentials are the worker's, never the request's");
    }
  }

  private static void checkNoNull(String field, @Nullable List<?> list) {
    if (list != null && list.stream().anyMatch(Objects::isNull)) {
      throw new IllegalArgumentException(field + ": null in the list");
    }
  }

  private static void checkMatches(String field, String value, Pattern pattern) {
    if (!pattern.matcher(value).matches()) {
      throw new IllegalArgumentException(
          field
              + ": \""
              + (value.length() > 200 ? value.substring(0, 200) + "…" : value)
              + "\" does not match "
              + pattern);
    }
  }

  /** Whether the image is wanted compressed, too. */
  public boolean wantsGzip() {
    return formats.contains("ext4.gz");
  }

  /** The same request of another namespace. */
  public BuildRequest in(String otherNamespace) {
    return copy(otherNamespace, reply, timeoutSeconds);
  }

  /**
   * What this request wants built, however it wants to be answered: requests of equal text are one
   * build.
   */
  public BuildRequest canonical() {
    return copy("default", ReplyMode.FINAL, null);
  }

  private BuildRequest copy(String copyNamespace, ReplyMode copyReply, @Nullable Long copySeconds) {
    return new BuildRequest(
        image,
        agent,
        script,
        network,
        size,
        platform,
        guest,
        files,
        name,
        tag,
        copyNamespace,
        copyReply,
        copySeconds,
        formats,
        bootScript,
        rootPassword,
        lint);
  }

  /** The name of the object that this request's result is linked as: {@code name_tag}. */
  public String objectLink() {
    return name + "_" + tag;
  }
}
