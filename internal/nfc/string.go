//go:build !js

package nfc

import "golang.org/x/text/unicode/norm"

// String is s in normal form C.
func String(s string) string { return norm.NFC.String(s) }
