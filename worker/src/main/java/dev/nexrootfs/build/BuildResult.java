package dev.nexrootfs.build;

import dev.nexrootfs.protocol.BuildReply;
import java.util.Optional;

/**
 * What a build has come to.
 *
 * @param reply what its requester is told
 * @param dependencies what the same request depends on; empty where that takes as long to look up
 *     as the inputs take to resolve
 */
public record BuildResult(BuildReply reply, Optional<Dependencies> dependencies) {}
