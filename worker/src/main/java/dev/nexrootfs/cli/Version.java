package dev.nexrootfs.cli;

import picocli.CommandLine.IVersionProvider;

/** The version of this program, from its jar. */
final class Version implements IVersionProvider {
  /** The version; {@code 0.0.0} outside a jar. */
  static String text() {
    String version = NexRootfs.class.getPackage().getImplementationVersion();
    return version == null ? "0.0.0" : version;
  }

  @Override
  public String[] getVersion() {
    return new String[] {"nex-rootfs " + text()};
  }
}
