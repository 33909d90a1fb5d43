//go:build !linux

package world

func stepBack() {} // threads have no niceness of their own
