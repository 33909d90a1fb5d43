package picture

import (
	"fmt"
	"strings"

	"dit8/core"
)

// maxName bounds the bytes of a name before its seed.
const maxName = 100

// Name is a file name, without .png, for a request's picture, as the page gives it: fox-1.
func Name(r core.Request) string {
	text := r.Subject()
	if r.Classes != nil {
		var all []string
		for _, c := range r.Classes {
			all = append(all, c.Class)
		}
		text = strings.Join(all, "+")
	}
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(text, "_"))
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "")
	}
	if name == "" {
		name = "anything"
	}
	return fmt.Sprintf("%s-%d", name, r.Seed)
}
