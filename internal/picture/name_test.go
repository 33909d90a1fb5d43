package picture

import (
	"strings"
	"testing"

	"dit8/core"
)

func TestName(t *testing.T) {
	for _, c := range []struct {
		req  core.Request
		want string
	}{
		{core.Request{Class: "fox", Seed: 1}, "fox-1"},
		{core.Request{Prompt: "a blue fox", Style: "noto"}, "a blue fox-0"},
		{core.Request{Class: `a/b\c:*?`, Seed: 2}, "a_b_c___-2"},
		{core.Request{Classes: []core.ClassShare{{Class: "fox"}, {Class: "pan\nda"}}}, "fox+pan_da-0"},
		{core.Request{}, "anything-0"},
		{core.Request{Prompt: strings.Repeat("é", 60)}, strings.Repeat("é", 50) + "-0"},
		{core.Request{Prompt: "fox\xff"}, "fox_-0"},
	} {
		if got := Name(c.req); got != c.want {
			t.Errorf("%+v: %q, want %q", c.req, got, c.want)
		}
	}
}
