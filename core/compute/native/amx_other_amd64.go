//go:build !linux && !purego

package native

// tilesAllowed is not so: how other systems give the registers of tiles is not known
// here.
func tilesAllowed() bool { return false }
