//go:build !linux && (!darwin || ios) && !purego

package native

// hasDotprod is not known here; it is left unused.
func hasDotprod() bool { return false }
