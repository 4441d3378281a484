package dev.nexrootfs.protocol;

import java.util.regex.Pattern;

/**
 * The NATS subjects of the service.
 *
 * @param prefix what every subject of the service starts with, like {@code nex.rootfs}
 */
public record Subjects(String prefix) {
  private static final Pattern PREFIX = Pattern.compile("[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*");

  /** The subjects as they are unless the operator says otherwise. */
  public static final Subjects DEFAULT = new Subjects("nex.rootfs");

  /** The name of the micro service, and of its queue group. */
  public static final String SERVICE = "nex-rootfs";

  /** The header with the text of an error (ADR-32). */
  public static final String ERROR_HEADER = "Nats-Service-Error";

  /** The header with the number of an error (ADR-32). */
  public static final String ERROR_CODE_HEADER = "Nats-Service-Error-Code";

  /** The header with the build's id: of replies, and of a request that chooses it. */
  public static final String BUILD_ID_HEADER = "Nex-Build-Id";

  /** The reply header with the image's digest. */
  public static final String DIGEST_HEADER = "Nex-Rootfs-Digest";

  /** The reply header with the object's location. */
  public static final String LOCATION_HEADER = "Nex-Rootfs-Location";

  /** The header of a job with the subject that waits for the answer. */
  public static final String REPLY_TO_HEADER = "Nex-Reply-To";

  private static final Pattern BUILD_ID = Pattern.compile("[A-Za-z0-9]{16,32}");

  /** Checks that the prefix is a literal subject. */
  public Subjects {
    if (!PREFIX.matcher(prefix).matches()) {
      throw new IllegalArgumentException(
          "subject prefix \"" + prefix + "\" is not a subject without wildcards, like nex.rootfs");
    }
  }

  /** Where build requests go. */
  public String build() {
    return prefix + ".build";
  }

  /** Where the state of a build is asked for. */
  public String status() {
    return prefix + ".status";
  }

  /** Where a build is stopped. */
  public String cancel() {
    return prefix + ".cancel";
  }

  /**
   * What every job's subject starts with; requests are never captured by a stream, since its
   * acknowledgement would be taken for the answer.
   */
  public String jobs() {
    return prefix + ".jobs";
  }

  /** Whether {@code id} can be a build's: 16 to 32 letters and digits. */
  public static boolean isBuildId(String id) {
    return BUILD_ID.matcher(id).matches();
  }

  /** Where Nex 0.2 watches for {@code transition} in {@code namespace}. */
  public static String cloudEvent(String namespace, BuildEvent.Transition transition) {
    return "$NEX.events." + namespace + "." + transition.cloudEventType();
  }

  /** Where the current Nex watches for {@code transition} in {@code namespace}. */
  public static String feed(String namespace, BuildEvent.Transition transition) {
    return "$NEX.FEED." + namespace + ".events." + transition.feedType();
  }
}
