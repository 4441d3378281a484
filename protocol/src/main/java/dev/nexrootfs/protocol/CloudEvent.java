package dev.nexrootfs.protocol;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/**
 * A {@link BuildEvent} in the CloudEvents 1.0 structured JSON form that {@code nex watch events}
 * reads.
 *
 * <p>Extension attributes carry what a watcher shows, because Nex 0.2 never prints {@code data}.
 * Their names are lower case letters only, and their values are strings or 32-bit numbers: with
 * anything else its decoder drops the event.
 *
 * @param specversion {@code 1.0}
 * @param id unique with {@code source}: build id and running number
 * @param source {@code nex-rootfs/WORKER}
 * @param type {@link BuildEvent.Transition#cloudEventType()}
 * @param subject the build's id
 * @param time RFC 3339, UTC
 * @param datacontenttype {@code application/json}
 * @param data the event
 * @param namespace extension: the Nex namespace
 * @param buildid extension: the build's id
 * @param phase extension
 * @param percent extension
 * @param image extension
 * @param message extension
 * @param digest extension
 * @param location extension
 * @param errorcode extension
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record CloudEvent(
    String specversion,
    String id,
    String source,
    String type,
    String subject,
    String time,
    String datacontenttype,
    BuildEvent data,
    String namespace,
    String buildid,
    String phase,
    int percent,
    String image,
    String message,
    @Nullable String digest,
    @Nullable String location,
    @Nullable String errorcode) {
  /**
   * Wraps {@code event}.
   *
   * @param number running number of the event within its build
   * @param time RFC 3339, UTC
   */
  public static CloudEvent of(BuildEvent event, long number, String time) {
    return new CloudEvent(
        "1.0",
        event.id() + "-" + number,
        "nex-rootfs/" + event.worker(),
        event.transition().cloudEventType(),
        event.id(),
        time,
        "application/json",
        event,
        event.namespace(),
        event.id(),
        event.phase(),
        event.percent(),
        event.image(),
        event.message(),
        event.digest(),
        event.location(),
        event.errorCode() == null ? null : event.errorCode().name());
  }
}
