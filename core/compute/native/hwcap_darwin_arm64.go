//go:build !ios && !purego

package native

// hasDotprod is so for every Mac with this architecture. Some iPhones lack it.
func hasDotprod() bool { return true }
