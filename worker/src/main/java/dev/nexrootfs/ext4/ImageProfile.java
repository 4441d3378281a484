package dev.nexrootfs.ext4;

import java.time.Instant;
import java.util.UUID;

/**
 * What an image is besides its tree.
 *
 * @param size how large it is to be
 * @param uuid {@code s_uuid}
 * @param time the superblock's times, and those of lost+found and the inodes that have no name
 */
public record ImageProfile(ImageSize size, UUID uuid, Instant time) {
  /** The number that changes when any byte of any image changes for the same tree and profile. */
  public static final int LAYOUT_VERSION = 2;
}
