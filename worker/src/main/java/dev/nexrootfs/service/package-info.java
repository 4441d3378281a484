/** The micro service: requests in, builds on their own threads, events and one reply out. */
@NullMarked
package dev.nexrootfs.service;

import org.jspecify.annotations.NullMarked;
