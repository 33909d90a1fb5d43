package nearest

import "testing"

func TestName(t *testing.T) {
	names := []string{"fly", "fox", "red-apple", "grinning-face"}
	for s, want := range map[string]string{
		"fxo": "fox", "foxx": "fox", "fo": "fox", "red-appel": "red-apple", "rdeapple": "red-apple", "grinning": "grinning-face", "gri": "grinning-face", "gr": "", "FOX": "fox", "Red-Apple": "red-apple", "grinning-fac": "grinning-face", "zzz": "", "": "",
	} {
		if got := Name(s, names); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
