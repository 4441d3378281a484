@NullMarked
package dev.nexrootfs.service;

import org.jspecify.annotations.NullMarked;
