package dev.nexrootfs.service;

import io.nats.client.Connection;

/**
 * What every part of the service works with.
 *
 * @param front the connection to requesters
 * @param settings how this worker serves
 * @param queue the pool's jobs
 * @param intake what this worker takes of them
 * @param records the state of builds
 * @param replies the way to requesters
 * @param figures what this worker has done
 */
record Pool(
    Connection front,
    ServiceSettings settings,
    JobQueue queue,
    JobIntake intake,
    BuildRecords records,
    Replies replies,
    Figures figures) {}
