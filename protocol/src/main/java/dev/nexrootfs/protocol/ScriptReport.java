package dev.nexrootfs.protocol;

/**
 * What a request's script did.
 *
 * @param isolation what it ran in: {@code userns}, {@code userns-root} or {@code chroot}
 * @param cached whether its result was there already, so that it did not run
 * @param output the end of what it wrote, with secrets struck out; at most 8 KiB
 */
public record ScriptReport(String isolation, boolean cached, String output) {}
