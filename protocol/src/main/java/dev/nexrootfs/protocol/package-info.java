/**
 * What a requester and a worker say to each other: records for the JSON documents, the subjects
 * they travel on, and the error codes. Depends on Jackson only, so that other programs can use it.
 */
@NullMarked
package dev.nexrootfs.protocol;

import org.jspecify.annotations.NullMarked;
