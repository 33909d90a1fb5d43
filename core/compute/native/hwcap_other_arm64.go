//go:build !linux && (!darwin || ios) && !purego

package native

// features are not known here; they are left unused.
func features() cpuFeatures { return cpuFeatures{} }
