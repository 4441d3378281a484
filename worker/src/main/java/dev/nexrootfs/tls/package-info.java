/** TLS contexts from PEM files. */
@NullMarked
package dev.nexrootfs.tls;

import org.jspecify.annotations.NullMarked;
