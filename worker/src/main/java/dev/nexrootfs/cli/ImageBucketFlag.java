package dev.nexrootfs.cli;

import picocli.CommandLine.Option;

/** What the bucket for images is called; a requester learns it from the reply. */
final class ImageBucketFlag {
  @Option(
      names = "--bucket",
      converter = BucketName.class,
      defaultValue = "NEXROOTFS",
      description = "object store bucket for images (default: ${DEFAULT-VALUE})")
  String name = "NEXROOTFS";
}
