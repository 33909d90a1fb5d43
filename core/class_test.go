package core

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func TestFindClass(t *testing.T) {
	emoji := []string{"grinning-face", "cat-face", "fox", "Fox", "pouting-cat", "red-heart", "café", "猫"}
	images := []string{"tench, Tinca tinca", "tabby, tabby cat", "tiger cat", "Egyptian cat", "zebra", "7", "0"}
	for _, c := range []struct {
		classes []string
		name    string
		want    string // the class, or part of the message
	}{
		{emoji, "fox", "fox"}, {emoji, "Fox", "Fox"}, {emoji, "#2", "fox"}, {emoji, "2", "fox"}, {emoji, "猫", "猫"},
		{emoji, "FOX", `did you mean "fox" or "Fox"?`},
		{emoji, "Grinning Face", "grinning-face"}, {emoji, "grinning_face!", "grinning-face"}, {emoji, "😀", "grinning-face"}, {emoji, "❤️", "red-heart"},
		{emoji, "Cafe", "café"}, {emoji, "cafe\u0301", "café"}, {emoji, "grinning", "grinning-face"}, {emoji, "the heart", "red-heart"},
		{emoji, "cat", `class is "cat", allowed: a class name or an index from 0 to 7; did you mean "cat-face" or "pouting-cat"?`},
		{emoji, "grining face", `did you mean "grinning-face"?`}, {emoji, "big angry cat", `did you mean "cat-face" or "pouting-cat"?`},
		{emoji, "🐱🚀", `class is "🐱🚀", allowed: a class name or an index from 0 to 7; did you mean "cat-face"`},
		{emoji, "犬 fox", `index from 0 to 7`}, {emoji, "", `class is ""`},
		{images, "Tench", "tench, Tinca tinca"}, {images, "tinca tinca", "tench, Tinca tinca"}, {images, "tabby", "tabby, tabby cat"}, {images, "🦓", "zebra"},
		{images, "cat", `did you mean "tabby, tabby cat", "tiger cat" or "Egyptian cat"?`},
		{images, "7", "7"}, {images, "#4", "zebra"}, {images, "-7", "index from #0 to #6"}, {images, "#7", "index from #0 to #6"}, {images, "4", "index from #0"},
	} {
		i, err := findClass("class", c.name, c.classes)
		if err != nil && slices.Contains(c.classes, c.want) || err != nil && !strings.Contains(err.Error(), c.want) || err == nil && c.classes[i] != c.want {
			t.Errorf("%q is %d, %v; want %s", c.name, i, err, c.want)
		}
	}
}

// What a request calls a class is in the result by its name, with the same pixels.
func TestNamedRequest(t *testing.T) {
	g := generator(t, tiny, info)
	base := with(g, func(r *Request) { r.Class = "fox" })
	want := pixels(t, g, base)
	shares := []ClassShare{{Class: " FOX", Weight: 1}}
	for _, r := range []Request{
		with(g, func(r *Request) { r.Class = "🦊" }),
		with(g, func(r *Request) { r.Class, r.Classes = "", shares }),
	} {
		res, err := g.Generate(context.Background(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := res.Metadata.Request
		if res.Metadata.SHA256 != want || got.Class != "fox" && got.Classes[0].Class != "fox" || shares[0].Class != " FOX" {
			t.Errorf("%s of %+v, want %s", res.Metadata.SHA256, got, want)
		}
	}
}
