/** Other people's programs as judges of ours: each class runs one and reads what it says. */
@NullMarked
package dev.nexrootfs.oracle;

import org.jspecify.annotations.NullMarked;
