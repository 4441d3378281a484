package dev.nexrootfs.cli;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What is asked of a pool, and in which namespace. */
final class RequestFlags {
  @Mixin BuildFlags build = new BuildFlags();
  @Mixin BucketFlags buckets = new BucketFlags();

  @Option(
      names = "--image-file",
      paramLabel = "FILE",
      description =
          "an archive of the base image on this machine (OCI or docker save), put into the inputs bucket")
  @Nullable Path imageFile;

  @Option(
      names = "--namespace",
      defaultValue = "${env:NEX_NAMESPACE:-default}",
      description = "Nex namespace of the events (NEX_NAMESPACE; default: default)")
  String namespace = "default";

  @Option(
      names = "--namespace-in-subject",
      description = {
        "ask on PREFIX.build.NAMESPACE, where the server lets a user ask for one",
        "namespace only"
      })
  boolean namespaceInSubject;
}
