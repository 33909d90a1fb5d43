package nfc

import (
	"testing"

	"dit8/core"
)

func TestRequest(t *testing.T) {
	composed, apart := "caf\u00e9", "cafe\u0301"
	for _, c := range []struct{ name, model, want string }{
		{apart, composed, composed}, {composed, apart, apart}, {apart, apart, apart}, {composed, composed, composed},
		{"fox", "fox", "fox"}, {"7", composed, "7"}, {"o\u0308", composed, "\u00f6"},
	} {
		if got := Class(c.name, []string{"panda", c.model}); got != c.want {
			t.Errorf("%q of a model with %q: %q, want %q", c.name, c.model, got, c.want)
		}
	}
	shared := []core.ClassShare{{Class: apart, Weight: 1}}
	r := core.Request{Classes: shared, Negative: apart}
	Request(&r, []string{composed})
	if r.Classes[0].Class != composed || r.Negative != composed || shared[0].Class != apart {
		t.Errorf("%+v, shared %+v", r, shared)
	}
}
