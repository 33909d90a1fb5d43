// Package nfc compares class names as people see them: é is one sign, or an e and an
// accent that is put on it (as in the names of macOS's folders). Unicode's normal form C
// is the first. The tables for it are the system's where there are any: a browser's or
// worker's program asks JavaScript.
package nfc

import "dit8/core"

// Class is the class that name stands for, in the form that the model has it; name, where
// there is none.
func Class(name string, classes []string) string {
	if ascii(name) {
		return name
	}
	form := String(name)
	for _, c := range classes {
		if c == name || !ascii(c) && String(c) == form {
			return c
		}
	}
	return form
}

// Request brings the class names in a request to the form that the model has them in.
func Request(r *core.Request, classes []string) {
	r.Class, r.Negative = Class(r.Class, classes), Class(r.Negative, classes)
	if r.Classes == nil {
		return
	}
	shares := make([]core.ClassShare, len(r.Classes)) // not those that r shares with its copies
	copy(shares, r.Classes)
	for i := range shares {
		shares[i].Class = Class(shares[i].Class, classes)
	}
	r.Classes = shares
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
