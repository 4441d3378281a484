package dev.nexrootfs.cli;

import dev.nexrootfs.protocol.Subjects;
import picocli.CommandLine.Option;

/** What the service's subjects and the bucket for inputs are called. */
final class BucketFlags {
  @Option(
      names = "--inputs-bucket",
      converter = BucketName.class,
      defaultValue = "NEXINPUTS",
      description = "object store bucket for agents, scripts and files (default: ${DEFAULT-VALUE})")
  String inputs = "NEXINPUTS";

  @Option(
      names = "--subject-prefix",
      defaultValue = "nex.rootfs",
      description = "what the service's subjects start with (default: ${DEFAULT-VALUE})")
  String subjectPrefix = "nex.rootfs";

  Subjects subjects() throws CommandFailure {
    try {
      return new Subjects(subjectPrefix);
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage("--subject-prefix: " + e.getMessage(), e);
    }
  }
}
