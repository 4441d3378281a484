package dev.nexrootfs.build;

/**
 * How full a worker's cache is, and of what use it was.
 *
 * @param limit the most bytes that it may have
 * @param bytes what it has; all workers of a machine that share it count
 * @param found how often a blob or a layer was there when it was asked for
 * @param missed how often it was not
 * @param evicted files that this worker let go to make room
 */
public record CacheUse(long limit, long bytes, long found, long missed, long evicted) {}
