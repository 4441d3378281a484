/**
 * Images from registries (OCI distribution-spec): found by reference, read by digest, over
 * connections that are resumed, watched and retried. A credential goes to the registry that it is
 * configured for and nowhere else; redirects are followed here, never by the HTTP client.
 */
@NullMarked
package dev.nexrootfs.registry;

import org.jspecify.annotations.NullMarked;
